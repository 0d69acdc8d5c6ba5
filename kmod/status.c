// SPDX-License-Identifier: GPL-2.0-only
/*
 * The status page: what user space reads without a system call.
 *
 * Refreshed by a timer while the device is open, by nobody otherwise.  Readers
 * map it read-only and use its sequence number.  Free-area counts are read
 * without locks: they are hints.
 */
#include "status.h"

#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <uapi/linux/ashlar.h>

#include "compat.h"
#include "event.h"
#include "hunk.h"
#include "numa.h"
#include "stats.h"

#define INTERVAL_MS 100

static struct ashlar_status *status;
static void status_refresh(struct work_struct *work);
static DECLARE_DELAYED_WORK(refresh_work, status_refresh);

/* Guarded by users_lock. */
static unsigned int nr_users;
static DEFINE_MUTEX(users_lock);

static struct ashlar_status_node *status_node(int nid)
{
	return (void *)status + status->node_offset +
	       (size_t)nid * status->node_stride;
}

/**
 * struct free_area_sum - free memory of a node
 * @pages: base pages
 * @blocks: blocks of any order
 * @hunks: blocks of a hunk's size or more, in hunks
 */
struct free_area_sum {
	u64 pages;
	u64 blocks;
	u64 hunks;
};

static void sum_zone(const struct zone *zone, struct free_area_sum *sum)
{
	unsigned int order;
	u64 nr;

	for (order = 0; order < ARRAY_SIZE(zone->free_area); order++) {
		nr = READ_ONCE(zone->free_area[order].nr_free);
		sum->blocks += nr;
		sum->pages += nr << order;
		if (order >= HUNK_ORDER)
			sum->hunks += nr << (order - HUNK_ORDER);
	}
}

static struct free_area_sum sum_node(int nid)
{
	struct free_area_sum sum = {};
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		if (populated_zone(&NODE_DATA(nid)->node_zones[i]))
			sum_zone(&NODE_DATA(nid)->node_zones[i], &sum);
	return sum;
}

/* As /sys/kernel/debug/extfrag/extfrag_index, for the order of a hunk. */
static s32 frag_index(const struct free_area_sum *sum)
{
	if (sum->hunks)
		return -1000;
	if (!sum->blocks)
		return 0;
	return 1000 - div64_u64(1000 + div_u64(sum->pages * 1000, HUNK_NR),
				sum->blocks);
}

/* A quarter of what is free in whole hunks beyond what the pool still wants. */
static u64 collapse_budget(const struct numa *node, u64 free_hunks)
{
	u64 have = READ_ONCE(node->nr_pages), want = READ_ONCE(node->target);
	u64 lack = want > have ? want - have : 0;

	if (numa_under_pressure(node) || free_hunks <= lack)
		return 0;
	return (free_hunks - lack) / 4;
}

static void refresh_node(int nid)
{
	struct ashlar_status_node *to = status_node(nid);
	struct numa *node = numa_find(nid);
	struct free_area_sum sum;

	to->flags = 0;
	if (!node || !node_state(nid, N_MEMORY))
		return;
	sum = sum_node(nid);
	to->flags = ASHLAR_STATUS_ONLINE;
	if (numa_under_pressure(node))
		to->flags |= ASHLAR_STATUS_PRESSURE;
	to->frag_index = frag_index(&sum);
	to->pool = READ_ONCE(node->nr_pages);
	to->target = READ_ONCE(node->target);
	to->free_hunks = sum.hunks;
	to->free_pages = sum.pages;
	to->pressure_epoch = atomic64_read(&node->pressure_epoch);
	to->collapse_budget = collapse_budget(node, sum.hunks);
	to->mapped = atomic64_read(&node->nr_mapped);
}

/* One writer: the work is never run twice at once. */
static void status_write(void)
{
	struct ashlar_event event;
	int nid;

	WRITE_ONCE(status->seq, status->seq + 1);
	smp_wmb();	/* odd before anything else is seen to change */
	for_each_node(nid)
		refresh_node(nid);
	event_now(&event);
	status->pressure_epoch = event.pressure_epoch;
	status->refill_epoch = event.refill_epoch;
	status->mapped = stat_sum(STAT_mapped);
	status->parked = stat_sum(STAT_parked);
	status->small = stat_sum(STAT_small);
	status->updated_ns = ktime_get_ns();
	smp_wmb();	/* all of it before it is even again */
	WRITE_ONCE(status->seq, status->seq + 1);
}

static void status_refresh(struct work_struct *work)
{
	status_write();
	schedule_delayed_work(&refresh_work, msecs_to_jiffies(INTERVAL_MS));
}

/**
 * status_open() - the device is open once more: keep the page fresh
 */
void status_open(void)
{
	mutex_lock(&users_lock);
	if (!nr_users++) {
		status_write();
		schedule_delayed_work(&refresh_work,
				      msecs_to_jiffies(INTERVAL_MS));
	}
	mutex_unlock(&users_lock);
}

/**
 * status_release() - once less
 */
void status_release(void)
{
	mutex_lock(&users_lock);
	if (!--nr_users)
		cancel_delayed_work_sync(&refresh_work);
	mutex_unlock(&users_lock);
}

/**
 * status_len() - bytes to map
 */
size_t status_len(void)
{
	return PAGE_ALIGN(sizeof(struct ashlar_status) +
			  nr_node_ids * sizeof(struct ashlar_status_node));
}

/**
 * status_mmap() - map the page
 * @vma: at ASHLAR_STATUS_OFFSET of the device
 *
 * Return: 0, -EPERM if it is to be writable, or -EINVAL.
 */
int status_mmap(struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	vm_flags_clear(vma, VM_MAYWRITE);
	return remap_vmalloc_range(vma, status, 0);
}

/**
 * status_init() - make the page
 *
 * Return: 0 or -ENOMEM.
 */
int status_init(void)
{
	status = vmalloc_user(status_len());
	if (!status)
		return -ENOMEM;
	status->version = ASHLAR_STATUS_VERSION;
	status->node_offset = sizeof(*status);
	status->node_stride = sizeof(struct ashlar_status_node);
	status->nr_nodes = nr_node_ids;
	status->interval_ms = INTERVAL_MS;
	return 0;
}

/**
 * status_exit() - free it; the device is closed
 */
void status_exit(void)
{
	vfree(status);
}
