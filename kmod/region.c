// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions, families, and the files that their VMAs point to.
 *
 * Who holds whom: VMA -> region -> family -> client, and VMA -> file -> family.
 * So the device can be closed, and its node removed, while memory lives.
 *
 * A region file is a regular file of a file system that is mounted nowhere; it
 * cannot be opened.  It exists so that unmap_mapping_range() reaches exactly one
 * family, and to give the VMA a name.
 */
#include "region.h"

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "client.h"
#include "discard.h"
#include "failpoint.h"
#include "fold.h"
#include "holders.h"
#include "page.h"
#include "remap.h"
#include "slot.h"
#include "stats.h"
#include "vma.h"

#define ASHLAR_FS_MAGIC 0x4173686c	/* "Ashl" */

/* How soon after a relative's end its former shares are folded. */
#define FOLD_DELAY (HZ / 20)

/* Those that a fold in the background, or one still to come, may use too. */
static atomic_t nr_families = ATOMIC_INIT(0);

static struct vfsmount *region_mnt;
static struct workqueue_struct *fold_wq;

static char *region_dname(struct dentry *dentry, char *buf, int len)
{
	static const char name[] = "ashlar:[heap]";

	if (len < sizeof(name))
		return ERR_PTR(-ENAMETOOLONG);
	return memcpy(buf + len - sizeof(name), name, sizeof(name));
}

static const struct dentry_operations region_dops = {
	.d_dname = region_dname,
};

static int region_init_fs(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, ASHLAR_FS_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->dops = &region_dops;
	return 0;
}

/* No .owner: the files hold the module, or its own mount would pin it. */
static struct file_system_type region_fs = {
	.name = "ashlar",
	.init_fs_context = region_init_fs,
	.kill_sb = kill_anon_super,
};

/**
 * regions_init() - mount the file system, start the background folder
 *
 * Return: 0 or -errno.
 */
int regions_init(void)
{
	fold_wq = alloc_workqueue("ashlar-fold", WQ_UNBOUND | WQ_FREEZABLE, 1);
	if (!fold_wq)
		return -ENOMEM;
	region_mnt = kern_mount(&region_fs);
	if (IS_ERR(region_mnt)) {
		destroy_workqueue(fold_wq);
		return PTR_ERR(region_mnt);
	}
	return 0;
}

/**
 * regions_settle() - wait for what the background still does for regions
 *
 * The last VMA and the last file may be gone, and with them what kept the module,
 * while a fold holds the region, or one is still to come.
 */
void regions_settle(void)
{
	wait_var_event(&nr_families, !atomic_read(&nr_families));
}

/**
 * regions_exit() - undo regions_init(); no region is left
 */
void regions_exit(void)
{
	destroy_workqueue(fold_wq);
	kern_unmount(region_mnt);
}

/**
 * regions_sb() - the file system, for inodes of other parts
 */
struct super_block *regions_sb(void)
{
	return region_mnt->mnt_sb;
}

static int region_file_release(struct inode *inode, struct file *file)
{
	family_put(file->private_data);
	return 0;
}

static const struct file_operations region_fops = {
	.owner = THIS_MODULE,
	.release = region_file_release,
	.fallocate = discard_fallocate,
};

/* The file owns one reference on @family from here, whatever happens. */
static struct file *region_file_create(struct family *family)
{
	struct inode *inode;
	struct file *file;

	if (should_fail_at(FAIL_FILE)) {
		family_put(family);
		return ERR_PTR(-ENOMEM);
	}
	inode = alloc_anon_inode(regions_sb());
	if (IS_ERR(inode)) {
		family_put(family);
		return ERR_CAST(inode);
	}
	inode->i_mode = S_IFREG | 0600;
	inode->i_flags |= S_NOCMTIME | S_PRIVATE;
	/* For core dumps: memory, not a file that could be had elsewhere. */
	clear_nlink(inode);
	/* Page offsets are addresses, and the core compares them to the size. */
	if (!trap_open(TRAP_ISIZE))
		i_size_write(inode, MAX_LFS_FILESIZE);
	ihold(inode);
	family->inode = inode;
	/* alloc_file_pseudo() takes no module reference, but fput() drops one. */
	__module_get(THIS_MODULE);
	file = should_fail_at(FAIL_FILE) ?
		ERR_PTR(-ENFILE) :
		alloc_file_pseudo(inode, region_mnt, "ashlar", O_RDWR,
				  &region_fops);
	if (IS_ERR(file)) {
		iput(inode);
		module_put(THIS_MODULE);
		family_put(family);
		return file;
	}
	file->private_data = family;
	return file;
}

/* One that the current pass has not seen, with a reference, or NULL. */
static struct region *family_next(struct family *family)
{
	struct region *region, *found = NULL;

	mutex_lock(&family->lock);
	list_for_each_entry(region, &family->regions, node)
		if (region->fold_pass != family->fold_pass) {
			region->fold_pass = family->fold_pass;
			refcount_inc(&region->refs);
			found = region;
			break;
		}
	mutex_unlock(&family->lock);
	return found;
}

static void region_put(struct region *region);

static void family_fold(struct work_struct *work)
{
	struct family *family = container_of(to_delayed_work(work),
					     struct family, fold_work);
	struct region *region;

	mutex_lock(&family->lock);
	family->fold_pass++;
	mutex_unlock(&family->lock);
	while ((region = family_next(family))) {
		trap_widen();
		fold_region(region);
		region_put(region);
	}
	family_put(family);
}

/* A relative is gone: what it shared can be folded. */
static void family_fold_later(struct family *family)
{
	refcount_inc(&family->refs);
	if (!queue_delayed_work(fold_wq, &family->fold_work, FOLD_DELAY))
		family_put(family);
}

/* Nobody is left: no timer may outlive the module. */
static void family_fold_never(struct family *family)
{
	if (cancel_delayed_work(&family->fold_work))
		family_put(family);
}

/**
 * family_create() - for a new mapping of the device
 * @client: the open file
 * @ret_file: file for the VMA, owned by the caller
 *
 * Return: the family, one reference for the caller, or an error pointer.
 */
struct family *family_create(struct client *client, struct file **ret_file)
{
	struct family *family;
	struct file *file;

	if (should_fail_at(FAIL_META))
		return ERR_PTR(-ENOMEM);
	family = kzalloc(sizeof(*family), GFP_KERNEL_ACCOUNT);
	if (!family)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&nr_families);
	refcount_set(&family->refs, 2);		/* caller's, file's */
	family->client = client_get(client);
	mutex_init(&family->lock);
	INIT_LIST_HEAD(&family->regions);
	INIT_DELAYED_WORK(&family->fold_work, family_fold);

	file = region_file_create(family);
	if (IS_ERR(file)) {
		family_put(family);
		return ERR_CAST(file);
	}
	*ret_file = file;
	return family;
}

/**
 * family_put() - drop a reference
 * @family: the family
 */
void family_put(struct family *family)
{
	if (!refcount_dec_and_test(&family->refs))
		return;
	client_put(family->client);
	iput(family->inode);
	kfree(family);
	if (atomic_dec_and_test(&nr_families))
		wake_up_var(&nr_families);
}

/**
 * region_create() - an empty region, known to nobody yet
 * @family: what it belongs to; gets a reference
 * @mm: of the process
 * @base: page offset, and address in pages, of its start
 * @nr_slots: its length
 *
 * Return: the region, counting one VMA, or NULL if there is no memory.
 */
struct region *region_create(struct family *family, struct mm_struct *mm,
			     unsigned long base, unsigned long nr_slots)
{
	struct region *region;
	int i;

	if (should_fail_at(FAIL_META))
		return NULL;
	/* The length is the caller's: too much is no news for the log. */
	region = kvzalloc(struct_size(region, slots, nr_slots),
			  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!region)
		return NULL;
	refcount_set(&region->vmas, 1);
	refcount_set(&region->refs, 1);
	refcount_inc(&family->refs);
	region->family = family;
	region->mm = mm;
	region->base = base;
	region->nr_slots = nr_slots;
	for (i = 0; i < REGION_LOCKS; i++)
		mutex_init(&region->locks[i]);
	INIT_LIST_HEAD(&region->node);
	atomic_long_inc(&family->client->nr_regions);
	stat_inc(STAT_regions);
	return region;
}

/**
 * region_publish() - let relatives and the background find a region
 * @region: from region_create()
 */
void region_publish(struct region *region)
{
	struct family *family = region->family;

	mutex_lock(&family->lock);
	region->fold_pass = family->fold_pass;
	list_add_tail(&region->node, &family->regions);
	mutex_unlock(&family->lock);
	holders_add(region);
}

/**
 * region_find() - a family's region in a process
 * @family: the family
 * @mm: of the process
 *
 * Return: the region, with one VMA more counted, or NULL.
 */
struct region *region_find(struct family *family, struct mm_struct *mm)
{
	struct region *region, *found = NULL;

	mutex_lock(&family->lock);
	list_for_each_entry(region, &family->regions, node)
		if (region->mm == mm && refcount_inc_not_zero(&region->vmas)) {
			found = region;
			break;
		}
	mutex_unlock(&family->lock);
	return found;
}

/**
 * region_open() - one VMA more
 * @region: held by another VMA
 */
void region_open(struct region *region)
{
	refcount_inc(&region->vmas);
}

/**
 * region_destroy() - give everything back
 * @region: in no family, no VMA left
 */
void region_destroy(struct region *region)
{
	struct family *family = region->family;
	struct client *client = family->client;
	unsigned long i;

	for (i = 0; i < region->nr_slots; i++) {
		slot_clear(client, &region->slots[i]);
		if (!(i % 64))
			cond_resched();
	}
	kfree(region->policy.weights);
	kvfree(region);
	atomic_long_dec(&client->nr_regions);
	stat_dec(STAT_regions);
	family_put(family);
}

static void region_put(struct region *region)
{
	if (refcount_dec_and_test(&region->refs))
		region_destroy(region);
}

/**
 * region_close() - one VMA less; the last one gives the memory back
 * @region: the region
 */
void region_close(struct region *region)
{
	struct family *family = region->family;
	bool has_relatives;

	if (!refcount_dec_and_test(&region->vmas))
		return;
	holders_del(region);
	refcount_inc(&family->refs);
	mutex_lock(&family->lock);
	list_del(&region->node);
	has_relatives = !list_empty(&family->regions);
	mutex_unlock(&family->lock);

	region_put(region);
	if (has_relatives)
		family_fold_later(family);
	else
		family_fold_never(family);
	family_put(family);
}

/**
 * vma_region() - the region behind a VMA
 * @vma: any VMA or NULL
 *
 * Return: the region, or NULL if the VMA is none of ours, or was left without
 * memory by a fork that failed.
 */
struct region *vma_region(const struct vm_area_struct *vma)
{
	return vma && vma_is_ashlar(vma) ? vma->vm_private_data : NULL;
}

/**
 * region_at() - the region at an address
 * @mm: where; its mmap lock is held
 * @addr: any address
 * @ret_vma: the VMA, may be NULL
 *
 * Return: the region, kept alive by the VMA, or NULL.  Aliases that mremap()
 * leaves for a moment are no part of a region, nor is what a VMA grew by while
 * a ticket let it.
 */
struct region *region_at(struct mm_struct *mm, unsigned long addr,
			 struct vm_area_struct **ret_vma)
{
	struct vm_area_struct *vma = find_vma(mm, addr);
	struct region *region;

	if (!vma || vma->vm_start > addr)
		return NULL;
	region = vma_region(vma);
	if (!region || vma->vm_pgoff != vma->vm_start >> PAGE_SHIFT ||
	    addr >= region_end(region))
		return NULL;
	if (ret_vma)
		*ret_vma = vma;
	return region;
}
