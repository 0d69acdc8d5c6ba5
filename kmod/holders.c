// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who keeps the module from being unloaded.
 *
 * The kernel refuses to unload a module in use before it asks the module, which
 * therefore cannot say who is to blame at that moment.  It says so here, to who
 * looks, and in the log when it is drained: processes that have regions, which
 * after a fork are others than who opened the device, and open files.
 */
#include "holders.h"

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "client.h"
#include "compat.h"
#include "region.h"
#include "slot.h"

/* Lines of the log; the file has as many as fit. */
#define MAX_LOGGED 32

/*
 * All regions with VMAs.  Taken under the mmap lock, and above the slot mutexes
 * (region.h).
 */
static LIST_HEAD(regions);
static DEFINE_MUTEX(regions_lock);

/**
 * struct holder - a process, or one that was
 * @node: in the list of those found
 * @tgid: its number, in the first namespace
 * @comm: its name
 * @nr_pages: base pages that its regions hold; relatives share some
 * @nr_regions: its regions
 * @nr_files: files that it opened; others may have inherited them
 */
struct holder {
	struct list_head node;
	pid_t tgid;
	char comm[TASK_COMM_LEN];
	unsigned long nr_pages;
	unsigned long nr_regions;
	unsigned long nr_files;
};

/**
 * holders_add() - a region has VMAs from now on
 * @region: the region
 */
void holders_add(struct region *region)
{
	mutex_lock(&regions_lock);
	list_add_tail(&region->held, &regions);
	mutex_unlock(&regions_lock);
}

/**
 * holders_del() - its last VMA goes; its mm does not yet
 * @region: the region
 */
void holders_del(struct region *region)
{
	mutex_lock(&regions_lock);
	list_del(&region->held);
	mutex_unlock(&regions_lock);
}

/* Without memory for one the list is shorter: NULL. */
static struct holder *holder_find(struct list_head *holders, pid_t tgid,
				  const char *comm)
{
	struct holder *holder;

	list_for_each_entry(holder, holders, node)
		if (holder->tgid == tgid && !strcmp(holder->comm, comm))
			return holder;
	holder = kzalloc(sizeof(*holder), GFP_NOWAIT);
	if (!holder)
		return NULL;
	holder->tgid = tgid;
	strscpy(holder->comm, comm, sizeof(holder->comm));
	list_add_tail(&holder->node, holders);
	return holder;
}

/* A process on its way out has no owner left: who opened the device, then. */
static struct holder *holder_of(struct list_head *holders,
				struct region *region)
{
	const struct client *client = region->family->client;
	char comm[TASK_COMM_LEN];
	struct task_struct *task;
	pid_t tgid = 0;

	rcu_read_lock();
	task = mm_owner(region->mm);
	if (task) {
		tgid = task_tgid_nr(task);
		get_task_comm(comm, task);
	}
	rcu_read_unlock();
	if (tgid)
		return holder_find(holders, tgid, comm);
	return holder_find(holders, client->tgid, client->comm);
}

static unsigned long slot_nr_pages(struct region *region, unsigned long idx)
{
	struct slot *slot = &region->slots[idx];
	unsigned long nr;

	mutex_lock(slot_lock(region, idx));
	nr = slot->huge ? HUNK_NR : 0;
	if (slot->overlay)
		nr += slot->overlay->nr;
	mutex_unlock(slot_lock(region, idx));
	return nr;
}

static void count_region(struct list_head *holders, struct region *region)
{
	struct holder *holder = holder_of(holders, region);
	unsigned long idx;

	if (!holder)
		return;
	holder->nr_regions++;
	for (idx = 0; idx < region->nr_slots; idx++) {
		/* Most are holes; one that fills just now may be missed. */
		if (READ_ONCE(region->slots[idx].huge) ||
		    READ_ONCE(region->slots[idx].overlay))
			holder->nr_pages += slot_nr_pages(region, idx);
		cond_resched();
	}
}

static void count_file(const struct client *client, void *arg)
{
	struct holder *holder;

	if (!READ_ONCE(client->is_open))
		return;
	holder = holder_find(arg, client->tgid, client->comm);
	if (holder)
		holder->nr_files++;
}

static void holders_collect(struct list_head *holders)
{
	struct region *region;

	mutex_lock(&regions_lock);
	list_for_each_entry(region, &regions, held)
		count_region(holders, region);
	mutex_unlock(&regions_lock);
	clients_for_each(count_file, holders);
}

static void holders_free(struct list_head *holders)
{
	struct holder *holder, *next;

	list_for_each_entry_safe(holder, next, holders, node)
		kfree(holder);
}

/**
 * holders_show() - a line for each process
 * @buf: a page
 *
 * Return: bytes written; "..." ends what did not fit.
 */
ssize_t holders_show(char *buf)
{
	struct holder *holder;
	LIST_HEAD(holders);
	int len = 0;

	holders_collect(&holders);
	list_for_each_entry(holder, &holders, node) {
		if (len > PAGE_SIZE - 96) {
			len += sysfs_emit_at(buf, len, "...\n");
			break;
		}
		len += sysfs_emit_at(buf, len, "%d %lu %lu %lu %s\n",
				     holder->tgid,
				     holder->nr_pages << PAGE_SHIFT,
				     holder->nr_regions, holder->nr_files,
				     holder->comm);
	}
	holders_free(&holders);
	return len;
}

/**
 * holders_log() - the same, into the kernel log
 *
 * Return: how many there are.
 */
unsigned int holders_log(void)
{
	struct holder *holder;
	LIST_HEAD(holders);
	unsigned int nr = 0;

	holders_collect(&holders);
	list_for_each_entry(holder, &holders, node)
		if (nr++ < MAX_LOGGED)
			pr_notice("draining: held by %s[%d]: %lu bytes in %lu regions, %lu open files\n",
				  holder->comm, holder->tgid,
				  holder->nr_pages << PAGE_SHIFT,
				  holder->nr_regions, holder->nr_files);
	if (nr > MAX_LOGGED)
		pr_notice("draining: and by %u more\n", nr - MAX_LOGGED);
	holders_free(&holders);
	return nr;
}
