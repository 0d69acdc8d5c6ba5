// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools of zeroed huge pages, one a node.
 *
 * A page in a pool reads as zeroes, has one reference, no mapping, and is
 * charged to nobody.  Pages come fresh from the buddy allocator by way of the
 * zeroer; a used page never comes back here, so that nothing a process wrote or
 * still pins can be handed to another.  Filling is the zeroer's business.
 *
 * Under memory pressure the pool goes first: the shrinker has no seeks, so the
 * kernel takes half of it at each look, before it takes anything in use.
 */
#include "pool.h"

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/sched.h>

#include "compat.h"
#include "event.h"
#include "failpoint.h"
#include "hunk.h"
#include "numa.h"
#include "stats.h"
#include "trace.h"

static int pool = -1;
module_param(pool, int, 0444);
MODULE_PARM_DESC(pool, "zeroed huge pages to keep on each node at least (default: a 32nd of its memory, 64 at most)");

static int pool_max = -1;
module_param(pool_max, int, 0444);
MODULE_PARM_DESC(pool_max, "zeroed huge pages to keep on each node at most (default: an 8th of its memory)");

/* For so long after a shrink the node counts as short of memory. */
#define PRESSURE_JIFFIES (5 * HZ)

static struct page *pool_pop(struct numa *node)
{
	struct page *page;

	spin_lock(&node->lock);
	page = list_first_entry_or_null(&node->pages, struct page, lru);
	if (page) {
		list_del(&page->lru);
		WRITE_ONCE(node->nr_pages, node->nr_pages - 1);
	}
	spin_unlock(&node->lock);
	return page;
}

/**
 * pool_take() - take a zeroed huge page out of a pool
 * @node: whose
 *
 * Wakes the zeroer if that leaves too few.
 *
 * Return: the page, owned by the caller and counted nowhere yet, or NULL.
 */
struct page *pool_take(struct numa *node)
{
	struct page *page;

	if (should_fail_at(FAIL_POOL))
		return NULL;
	page = pool_pop(node);
	WRITE_ONCE(node->hits, node->hits + 1);	/* a hint: may lose counts */
	if (pool_is_low(node) && node->zeroer)
		wake_up_process(node->zeroer);
	return page;
}

/**
 * pool_give() - put a zeroed huge page into a pool
 * @node: the page's
 * @page: reads as zeroes, unmapped, uncharged, one reference
 */
void pool_give(struct numa *node, struct page *page)
{
	spin_lock(&node->lock);
	list_add(&page->lru, &node->pages);
	WRITE_ONCE(node->nr_pages, node->nr_pages + 1);
	spin_unlock(&node->lock);
}

/**
 * pool_is_low() - whether the zeroer should start
 * @node: whose pool
 */
bool pool_is_low(const struct numa *node)
{
	return READ_ONCE(node->nr_pages) < READ_ONCE(node->low);
}

/* Huge pages wanted, within the bounds of the node. */
static unsigned long within_bounds(const struct numa *node, unsigned long want)
{
	unsigned long min = READ_ONCE(node->min_target);
	unsigned long max = READ_ONCE(node->max_target);

	return node_state(node->nid, N_MEMORY) ?
		       clamp(want, min, max(min, max)) : 0;
}

/**
 * pool_set_target() - how many zeroed huge pages to keep
 * @node: where
 * @want: huge pages, if floor and cap allow; the zeroer starts below three
 *	quarters of it; on a node without memory it is 0 whatever is asked for
 *
 * What is above the target goes back to the machine at once.
 */
void pool_set_target(struct numa *node, unsigned long want)
{
	unsigned long target;

	/* Who moves a bound does this afterwards: the last one has seen it. */
	spin_lock(&node->lock);
	target = within_bounds(node, want);
	WRITE_ONCE(node->target, target);
	WRITE_ONCE(node->low, target - target / 4);
	spin_unlock(&node->lock);
	if (READ_ONCE(node->nr_pages) > target)
		pool_drain(node, READ_ONCE(node->nr_pages) - target);
	if (node->zeroer)
		wake_up_process(node->zeroer);
}

/**
 * pool_size_targets() - floor and cap by a node's memory, where nobody set them
 * @node: its memory may have come, gone or changed
 */
void pool_size_targets(struct numa *node)
{
	unsigned long nr_hunks = node_present_pages(node->nid) / HUNK_NR;

	if (!node->is_min_set)
		WRITE_ONCE(node->min_target,
			   pool >= 0 ? pool : min(nr_hunks / 32, 64UL));
	if (!node->is_max_set)
		WRITE_ONCE(node->max_target,
			   pool_max >= 0 ? pool_max : nr_hunks / 8);
	pool_set_target(node, node->target);
}

/**
 * pool_drain() - give pages of a pool back to the machine
 * @node: whose pool
 * @nr_hunks: that many, or all there are
 *
 * Return: how many.
 */
unsigned long pool_drain(struct numa *node, unsigned long nr_hunks)
{
	unsigned long nr = 0;
	struct page *page;

	while (nr < nr_hunks) {
		page = pool_pop(node);
		if (!page)
			break;
		put_page(page);
		stat_inc(STAT_freed);
		nr++;
	}
	return nr;
}

/**
 * pool_total() - zeroed huge pages in all pools
 */
s64 pool_total(void)
{
	struct numa *node;
	s64 sum = 0;
	int nid;

	for_each_node(nid) {
		node = numa_find(nid);
		sum += READ_ONCE(node->nr_pages);
	}
	return sum;
}

static unsigned long pool_count(struct shrinker *shrinker,
				struct shrink_control *sc)
{
	struct numa *node = numa_find(sc->nid);
	unsigned long nr = node ? READ_ONCE(node->nr_pages) : 0;

	return nr ? nr * HUNK_NR : SHRINK_EMPTY;
}

static unsigned long pool_scan(struct shrinker *shrinker,
			       struct shrink_control *sc)
{
	struct numa *node = numa_find(sc->nid);
	unsigned long nr;

	if (!node)
		return SHRINK_STOP;
	nr = pool_drain(node, DIV_ROUND_UP(sc->nr_to_scan, HUNK_NR));
	WRITE_ONCE(node->pressure_until, jiffies + PRESSURE_JIFFIES);
	atomic64_inc(&node->pressure_epoch);
	event_pressure();
	trace_ashlar_shrink(node->nid, nr);
	if (!nr)
		return SHRINK_STOP;
	atomic64_add(nr, &node->nr_shrunk);
	stat_add(STAT_shrunk, nr);
	return nr * HUNK_NR;
}

static struct ashlar_shrinker pool_shrinker;

/**
 * pool_init() - set the targets, let the machine take pages back
 *
 * Return: 0 or -errno.
 */
int pool_init(void)
{
	int nid;

	for_each_node(nid)
		pool_size_targets(numa_find(nid));
	return shrinker_add(&pool_shrinker, "ashlar-pool", pool_count,
			    pool_scan);
}

/**
 * pool_exit() - empty all pools; the zeroers are gone
 */
void pool_exit(void)
{
	int nid;

	shrinker_remove(&pool_shrinker);
	for_each_node(nid)
		pool_drain(numa_find(nid), ULONG_MAX);
}
