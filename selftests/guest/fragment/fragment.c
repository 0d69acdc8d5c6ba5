// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fragments the buddy allocator, for tests: pins every other page.
 *
 * Loading takes every free block apart and gives back every second page of it,
 * so that half of the memory stays free and none of it in pieces of more than
 * one page.  Compaction finds nothing to do: it moves no page that is neither on
 * an LRU list nor has a driver to move it.  In what "percent" leaves of the free
 * memory only one page in 64 is pinned: no huge page is left there either, but
 * the kernel finds the few pages in a row that it cannot do without (page tables'
 * roots, slabs).  Unloading gives all back.
 *
 * Each CPU keeps free pages in lists of its own, huge ones, too.  Those can be had
 * only by that CPU and only while others are free as well (the watermark of an
 * order counts what is in no such list), and go back within a second or so: so
 * they are taken first, by each CPU, and what went back later is taken then.
 *
 * Memory in use stays as it is and is whole again once freed.  Never load this on
 * a machine that matters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>

/* One page in so many is pinned. */
#define STRIDE_PERCENT 2
#define STRIDE_REST 64
/* The largest blocks there are on every configuration, and all below. */
#define TOP_ORDER 10
/* Pages that a CPU may have in lists, huge ones: more than that is taken. */
#define LIST_PAGES (128UL << pageblock_order)

/* Lists that nobody uses are empty after this. */
#define LISTS_MSECS 1500
#define NR_PASSES 8

static unsigned int percent = 90;
module_param(percent, uint, 0400);
MODULE_PARM_DESC(percent, "of the free memory: pin every other page (90)");

static unsigned long pinned;
module_param(pinned, ulong, 0400);
MODULE_PARM_DESC(pinned, "pages pinned now");

static LIST_HEAD(pins);

/* Free pages of each node that are to be taken apart yet. */
static unsigned long left[MAX_NUMNODES];

/* Pages of huge blocks that a pass has found. */
static unsigned long nr_huge;

#define FRAGMENT_GFP                                              \
	((GFP_HIGHUSER | __GFP_THISNODE | __GFP_NORETRY | __GFP_NOWARN | \
	  __GFP_NOMEMALLOC) & ~__GFP_RECLAIM)

/* Keeps one page in @stride of a block, from its first on. */
static void pin_block(struct page *block, unsigned int order,
		      unsigned int stride)
{
	unsigned long i;

	split_page(block, order);
	for (i = 0; i < 1UL << order; i++) {
		struct page *page = nth_page(block, i);

		if (i % stride) {
			__free_page(page);
		} else {
			list_add(&page->lru, &pins);
			pinned++;
		}
	}
}

/*
 * Block by block of another type: who finds no single page in blocks of its own
 * type takes a large one of another's to pieces.  A CPU's own list of huge pages
 * serves some types only, so all have to be asked.
 */
static struct page *take_block(int nid, unsigned int order)
{
	static const gfp_t types[] = { 0, __GFP_MOVABLE, __GFP_RECLAIMABLE };
	static unsigned int next;
	struct page *block = NULL;
	unsigned int i;

	for (i = 0; !block && i < ARRAY_SIZE(types); i++)
		block = alloc_pages_node(nid, FRAGMENT_GFP |
					 types[next++ % ARRAY_SIZE(types)],
					 order);
	return block;
}

/* Takes blocks of an order until there are none, or @most pages are done. */
static unsigned long fragment_order(int nid, unsigned int order,
				    unsigned int stride, unsigned long most)
{
	unsigned long nr = 0;
	struct page *block;

	while (nr < most) {
		block = take_block(nid, order);
		if (!block)
			break;
		pin_block(block, order, stride);
		nr += 1UL << order;
		cond_resched();
	}
	if (order >= pageblock_order)
		nr_huge += nr;
	return nr;
}

/* The same, of what is to be taken apart in the node. */
static void fragment_some(int nid, unsigned int order, unsigned long most)
{
	unsigned long nr = fragment_order(nid, order, STRIDE_PERCENT,
					  min(left[nid], most));

	left[nid] -= min(left[nid], nr);
}

/* What the CPU that it runs on has in lists. */
static long fragment_lists(void *arg)
{
	int nid;

	for_each_node_state(nid, N_MEMORY)
		fragment_some(nid, pageblock_order, LIST_PAGES);
	return 0;
}

static unsigned long node_nr_free(int nid)
{
	unsigned long nr = 0;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		nr += zone_page_state(&NODE_DATA(nid)->node_zones[i],
				      NR_FREE_PAGES);
	return nr;
}

static void fragment_node(int nid)
{
	int order;

	for (order = TOP_ORDER; order > 0; order--)
		fragment_some(nid, order, ULONG_MAX);
	for (order = TOP_ORDER; 1UL << order > STRIDE_REST; order--)
		fragment_order(nid, order, STRIDE_REST, ULONG_MAX);
}

static void fragment_all(void)
{
	int nid, cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		work_on_cpu(cpu, fragment_lists, NULL);
	cpus_read_unlock();
	for_each_node_state(nid, N_MEMORY)
		fragment_node(nid);
}

static void unpin_all(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &pins, lru) {
		list_del(&page->lru);
		__free_page(page);
		if (!(--pinned % 1024))
			cond_resched();
	}
}

static int __init fragment_init(void)
{
	int nid, pass;

	if (percent > 100) {
		pr_err("percent=%u: expected 0 to 100\n", percent);
		return -EINVAL;
	}
	for_each_node_state(nid, N_MEMORY)
		left[nid] = node_nr_free(nid) / 100 * percent;
	for (pass = 0; pass < NR_PASSES; pass++) {
		nr_huge = 0;
		fragment_all();
		pr_info("%lu pages of huge blocks found, %lu pages pinned so far\n",
			nr_huge, pinned);
		if (!nr_huge)
			break;
		msleep(LISTS_MSECS);
	}
	return 0;
}

static void __exit fragment_exit(void)
{
	unpin_all();
}

module_init(fragment_init);
module_exit(fragment_exit);

MODULE_DESCRIPTION("Fragments free memory, for tests");
MODULE_LICENSE("GPL");
