// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device, and the module's beginning and end.
 *
 * What happens to memory is not here: see region.c for the objects and their
 * lock order, fault.c for the path that matters.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <uapi/linux/ashlar.h>

#include "client.h"
#include "compat.h"
#include "debugfs.h"
#include "drain.h"
#include "event.h"
#include "failpoint.h"
#include "hotplug.h"
#include "hunk.h"
#include "ioctl.h"
#include "numa.h"
#include "park.h"
#include "pool.h"
#include "region.h"
#include "status.h"
#include "sysfs.h"
#include "vma.h"
#include "zeroer.h"

/* All parts are there.  A load that fails does not wait for open files. */
static bool is_ready;

static int device_open(struct inode *inode, struct file *file)
{
	struct client *client;

	if (!READ_ONCE(is_ready))
		return -ENODEV;
	client = client_create();
	if (!client)
		return -ENOMEM;
	event_now(&client->seen);
	file->private_data = client;
	status_open();
	return 0;
}

static int device_release(struct inode *inode, struct file *file)
{
	struct client *client = file->private_data;

	status_release();
	WRITE_ONCE(client->is_open, false);
	client_put(client);
	return 0;
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return ioctl_dispatch(file->private_data, cmd, arg);
}

static __poll_t device_poll(struct file *file, struct poll_table_struct *wait)
{
	struct client *client = file->private_data;

	return event_poll(file, wait, &client->seen);
}

static ssize_t device_read(struct file *file, char __user *buf, size_t count,
			   loff_t *pos)
{
	struct client *client = file->private_data;
	struct ashlar_event now;

	if (count < sizeof(now))
		return -EINVAL;
	event_now(&now);
	if (copy_to_user(buf, &now, sizeof(now)))
		return -EFAULT;
	client->seen = now;
	return sizeof(now);
}

static int device_mmap_region(struct client *client,
			      struct vm_area_struct *vma)
{
	struct family *family;
	struct region *region;
	struct file *file;

	if (!(vma->vm_flags & VM_SHARED) || vma->vm_pgoff ||
	    (vma->vm_start | vma->vm_end) & ~HUNK_MASK)
		return -EINVAL;
	if (is_draining())
		return -ESHUTDOWN;
	family = family_create(client, &file);
	if (IS_ERR(family))
		return PTR_ERR(family);
	region = region_create(family, vma->vm_mm, vma->vm_start >> PAGE_SHIFT,
			       vma_pages(vma) / HUNK_NR);
	family_put(family);
	if (!region) {
		fput(file);
		return -ENOMEM;
	}
	region_publish(region);
	/* Unique within the process, and congruent, as a PMD mapping needs. */
	vma->vm_pgoff = region->base;
	vma_mmap(vma, region, file);
	fput(file);
	return 0;
}

static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff == ASHLAR_STATUS_OFFSET >> PAGE_SHIFT)
		return status_mmap(vma);
	return device_mmap_region(file->private_data, vma);
}

static unsigned long device_unmapped_area(struct file *file, unsigned long addr,
					  unsigned long len,
					  unsigned long pgoff,
					  unsigned long flags)
{
	unsigned long at;

	if (flags & MAP_FIXED || pgoff || len > TASK_SIZE - HUNK_SIZE)
		return plain_unmapped_area(file, addr, len, pgoff, flags);
	at = plain_unmapped_area(file, ALIGN(addr, HUNK_SIZE), len, pgoff,
				 flags);
	if (IS_ERR_VALUE(at) || !(at & ~HUNK_MASK))
		return at;
	at = plain_unmapped_area(file, 0, len + HUNK_SIZE, pgoff, flags);
	return IS_ERR_VALUE(at) ? at : ALIGN(at, HUNK_SIZE);
}

static void device_show_fdinfo(struct seq_file *seq, struct file *file)
{
	struct client *client = file->private_data;

	seq_printf(seq, "ashlar-regions:\t%ld\n",
		   atomic_long_read(&client->nr_regions));
	seq_printf(seq, "ashlar-huge-pages:\t%ld\n",
		   atomic_long_read(&client->nr_huge));
	seq_printf(seq, "ashlar-base-pages:\t%ld\n",
		   atomic_long_read(&client->nr_small));
	seq_printf(seq, "ashlar-bytes:\t%lu\n",
		   atomic_long_read(&client->quota.used) << PAGE_SHIFT);
	seq_printf(seq, "ashlar-limit:\t%lu\n",
		   client_file_limit(client) << PAGE_SHIFT);
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = device_poll,
	.read = device_read,
	.mmap = device_mmap,
	.get_unmapped_area = device_unmapped_area,
	.show_fdinfo = device_show_fdinfo,
	.llseek = noop_llseek,
};

/* The group is udev's to set (60-ashlar.rules). */
static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ashlar",
	.fops = &device_fops,
	.mode = 0660,
	.groups = sysfs_groups,
};

static int device_init(void)
{
	return misc_register(&device);
}

static void device_exit(void)
{
	misc_deregister(&device);
}

static int parks_init(void)
{
	return park_init(regions_sb());
}

static void parks_exit(void)
{
	regions_settle();
	park_exit();
}

static int zeroers_init(void)
{
	int err = zeroers_start();

	if (err)
		zeroers_stop();
	return err;
}

static int nodes_show(void)
{
	return sysfs_nodes_add(device.this_device);
}

/**
 * struct part - of the module
 * @init: makes it; 0 or -errno, and then nothing is left of it
 * @exit: undoes that
 */
struct part {
	int (*init)(void);
	void (*exit)(void);
};

/* In the order of their making. */
static const struct part parts[] = {
	{ numas_create, numas_destroy },
	{ regions_init, regions_exit },
	{ parks_init, parks_exit },
	{ status_init, status_exit },
	{ pool_init, pool_exit },
	{ zeroers_init, zeroers_stop },
	{ hotplug_init, hotplug_exit },
	{ device_init, device_exit },
	{ nodes_show, sysfs_nodes_remove },
};

static void parts_exit(unsigned int nr)
{
	while (nr--)
		parts[nr].exit();
}

static int __init parts_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		err = should_fail_at(FAIL_INIT) ? -ENOMEM : parts[i].init();
		if (err) {
			parts_exit(i);
			return err;
		}
	}
	debugfs_add();
	WRITE_ONCE(is_ready, true);
	return 0;
}

static int __init ashlar_init(void)
{
	int err;

	trap_load_begin();
	err = parts_init();
	trap_load_end();
	if (err)
		return err;
	pr_info("version %s, hunks of %lu KiB\n", THIS_MODULE->version,
		HUNK_SIZE >> 10);
	return 0;
}

static void __exit ashlar_exit(void)
{
	debugfs_remove_all();
	parts_exit(ARRAY_SIZE(parts));
	pr_info("unloaded\n");
}

module_init(ashlar_init);
module_exit(ashlar_exit);
MODULE_DESCRIPTION("Huge pages zeroed ahead of need, per NUMA node");
MODULE_LICENSE("GPL");
MODULE_VERSION(ASHLAR_VERSION);
