// SPDX-License-Identifier: GPL-2.0-only
/*
 * What fork() does to a region: share every page, copy the pinned ones.
 *
 * The VMA is MAP_SHARED, so the core copies no page tables and this file makes
 * fork() behave as it does with private memory.  The parent's mmap lock is held
 * for writing; but from 6.4 faults run under VMA locks, which dup_mmap() takes
 * one by one: all of the region's are taken here before anything is looked at.
 *
 * Then, in this order: both sides get the cow ops; the parent's page tables go,
 * so that nobody can take a new pin behind our back; then pages are shared, or
 * copied at once for the child if a device may be writing to them.
 */
#include "fork.h"

#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "failpoint.h"
#include "page.h"
#include "region.h"
#include "slot.h"
#include "stats.h"
#include "trace.h"
#include "vma.h"

static void vma_lock(struct vm_area_struct *vma)
{
	if (!trap_open(TRAP_FORKLOCK))
		vma_start_write(vma);
}

static bool is_pinned(struct page *page)
{
	return !page_is_shared(page) &&
	       folio_maybe_dma_pinned(page_folio(page)) &&
	       !trap_open(TRAP_PINNED);
}

/* Allocations of the child's copies follow the parent that pays for them. */
static struct page *copy_for_child(struct region *parent, unsigned long idx,
				   struct page *page)
{
	struct client *client = parent->family->client;
	struct place place;
	struct page *copy;
	int err;

	place_choose(&place, &parent->policy, NULL, idx);
	if (!PageHead(page)) {
		copy = spage_alloc(client, &place, WANT_FORCE, &err);
		if (copy)
			page_copy(copy, page);
		return copy;
	}
	copy = hpage_alloc(client, &place, WANT_FORCE, &err);
	if (copy) {
		hpage_copy(copy, page);
		page_attached(copy);
		stat_inc(STAT_fork_copied);
	}
	return copy;
}

/* Return: the page for the child's slot, or NULL. */
static struct page *share_or_copy(struct region *parent, unsigned long idx,
				  struct page *page)
{
	if (is_pinned(page))
		return copy_for_child(parent, idx, page);
	page_share(page);
	return page;
}

/* A pinned hunk for which there is no huge page: base by base. */
static int copy_as_small(struct region *parent, unsigned long idx,
			 struct slot *to)
{
	struct page *huge = parent->slots[idx].huge;
	struct client *client = parent->family->client;
	struct place place;
	struct page *page;
	unsigned long sub;
	int err;

	if (!to->overlay)
		to->overlay = overlay_create();
	if (!to->overlay)
		return -ENOMEM;
	place_choose(&place, &parent->policy, NULL, idx);
	for (sub = 0; sub < HUNK_NR; sub++) {
		if (to->overlay->pages[sub])
			continue;
		page = spage_alloc(client, &place, WANT_FORCE, &err);
		if (!page)
			return err;
		page_copy(page, nth_page(huge, sub));
		overlay_set(to->overlay, sub, page);
	}
	return 0;
}

static int fork_overlay(struct region *parent, unsigned long idx,
			struct slot *to)
{
	struct overlay *from = parent->slots[idx].overlay;
	struct page *page;
	unsigned long sub;

	to->overlay = overlay_create();
	if (!to->overlay)
		return -ENOMEM;
	for (sub = 0; sub < HUNK_NR; sub++) {
		if (!from->pages[sub])
			continue;
		if (!(sub % 32))
			trap_widen();
		page = share_or_copy(parent, idx, from->pages[sub]);
		if (!page)
			return -ENOMEM;
		overlay_set(to->overlay, sub, page);
	}
	return 0;
}

/* The slot mutex keeps the background folder out. */
static int fork_slot(struct region *parent, unsigned long idx, struct slot *to)
{
	struct slot *from = &parent->slots[idx];
	int err = 0;

	to->flags = from->flags & SLOT_BROKEN;
	if (from->overlay) {
		bitmap_zero(from->overlay->seen, HUNK_NR);
		to->flags |= SLOT_PTE;
		err = fork_overlay(parent, idx, to);
	}
	if (err || !from->huge)
		return err;
	to->huge = share_or_copy(parent, idx, from->huge);
	if (!to->huge)
		return copy_as_small(parent, idx, to);
	if (to->huge == from->huge)
		stat_inc(STAT_fork_shared);
	return 0;
}

static int fork_slots(struct region *parent, struct region *child)
{
	unsigned long idx;
	int err;

	for (idx = 0; idx < parent->nr_slots; idx++) {
		cond_resched();
		if (slot_is_hole(&parent->slots[idx]))
			continue;
		mutex_lock(slot_lock(parent, idx));
		err = fork_slot(parent, idx, &child->slots[idx]);
		mutex_unlock(slot_lock(parent, idx));
		if (err)
			return err;
	}
	return 0;
}

static int fork_policy(const struct region *parent, struct region *child)
{
	child->policy = parent->policy;
	if (!parent->policy.weights)
		return 0;
	child->policy.weights = NULL;
	if (should_fail_at(FAIL_META))
		return -ENOMEM;
	child->policy.weights = kmemdup(parent->policy.weights, nr_node_ids,
					GFP_KERNEL_ACCOUNT);
	return child->policy.weights ? 0 : -ENOMEM;
}

static bool region_is_empty(const struct region *region)
{
	unsigned long idx;

	for (idx = 0; idx < region->nr_slots; idx++) {
		if (!slot_is_hole(&region->slots[idx]))
			return false;
		cond_resched();
	}
	return true;
}

/* Return: the child's region, or NULL if there was no memory for it. */
static struct region *fork_region(struct region *parent, struct mm_struct *mm)
{
	struct region *child = region_create(parent->family, mm, parent->base,
					     parent->nr_slots);
	if (!child)
		return NULL;
	if (fork_policy(parent, child))
		goto destroy;
	region_walk_vmas(parent, vma_lock);
	if (region_is_empty(parent))
		return child;
	region_walk_vmas(parent, vma_set_cow);
	unmap_mapping_range(parent->family->inode->i_mapping,
			    (loff_t)parent->base << PAGE_SHIFT,
			    (loff_t)parent->nr_slots * HUNK_SIZE, 1);
	if (fork_slots(parent, child))
		goto destroy;
	trace_ashlar_fork(parent);
	return child;
destroy:
	region_destroy(child);
	return NULL;
}

/**
 * vma_open() - .open: a VMA was split, or is being copied by fork()
 * @vma: the new one, a copy of another
 *
 * Cannot fail.  A child for whose region there is no memory gets SIGBUS where
 * the region was, and a line in the log; the parent loses nothing.
 */
void vma_open(struct vm_area_struct *vma)
{
	struct region *region = vma->vm_private_data, *child;

	if (!region)
		return;
	if (region->mm == vma->vm_mm) {
		region_open(region);
		return;
	}
	/* A further VMA of a region that was split. */
	child = region_find(region->family, vma->vm_mm);
	if (!child) {
		child = fork_region(region, vma->vm_mm);
		if (child)
			region_publish(child);
	}
	vma->vm_private_data = child;
	if (child) {
		vma_set_cow(vma);
		return;
	}
	stat_inc(STAT_fork_failed);
	pr_warn_ratelimited("%s[%d]: no memory to fork a region of %lu MiB: its child gets SIGBUS there\n",
			    current->comm, current->pid,
			    (region->nr_slots * HUNK_SIZE) >> 20);
}
