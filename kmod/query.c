// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a range is made of, and what of it is worth collapsing.
 *
 * Reports only what the module knows for certain: its slots.  Whether a hunk is
 * used at all is the caller's knowledge.
 */
#include "calls.h"

#include <linux/mm.h>
#include <linux/uaccess.h>
#include <uapi/linux/ashlar.h>

#include "break.h"
#include "compat.h"
#include "page.h"
#include "range.h"
#include "region.h"
#include "slot.h"

static u32 slot_flags(const struct slot *slot)
{
	u32 flags = 0;

	if (slot->huge)
		flags |= ASHLAR_HUNK_HUGE;
	if (slot->overlay)
		flags |= ASHLAR_HUNK_SMALL;
	if (slot_is_shared(slot))
		flags |= ASHLAR_HUNK_SHARED;
	if (slot->flags & SLOT_PTE)
		flags |= ASHLAR_HUNK_PTE;
	if (slot->flags & SLOT_BROKEN)
		flags |= ASHLAR_HUNK_BROKEN;
	return flags;
}

/* The slot mutex is held. */
static void slot_describe(struct region *region, struct vm_area_struct *vma,
			  unsigned long idx, struct ashlar_hunk *hunk)
{
	struct slot *slot = &region->slots[idx];
	struct place place;

	hunk->node = slot_node(region, idx);
	if (slot_is_hole(slot))
		return;
	hunk->flags = slot_flags(slot);
	hunk->nr_small = slot->overlay ? slot->overlay->nr : 0;
	hunk->nr_sharers = slot->huge ?
		atomic_long_read(page_users(slot->huge)) : 0;
	place_choose(&place, &region->policy, vma, idx);
	if (hunk->node != NUMA_NO_NODE && !place_is_right(&place, hunk->node))
		hunk->flags |= ASHLAR_HUNK_REMOTE;
}

/**
 * struct query_args - a call under way
 * @query: its struct
 */
struct query_args {
	struct ashlar_query *query;
};

static int query_one(struct region *region, struct vm_area_struct *vma,
		     unsigned long idx, void *arg)
{
	struct ashlar_query *query = ((struct query_args *)arg)->query;
	struct ashlar_hunk hunk = {};
	void __user *to = u64_to_user_ptr(query->hunks) +
			  query->ret_nr * query->hunk_size;
	size_t known = min_t(size_t, query->hunk_size, sizeof(hunk));

	mutex_lock(slot_lock(region, idx));
	slot_describe(region, vma, idx, &hunk);
	mutex_unlock(slot_lock(region, idx));
	if (copy_to_user(to, &hunk, known) ||
	    clear_user(to + known, query->hunk_size - known))
		return -EFAULT;
	query->ret_nr++;
	return 0;
}

int call_query(struct client *client, void *arg)
{
	struct query_args args = { .query = arg };
	struct ashlar_query *query = arg;

	query->ret_nr = 0;
	if (query->reserved || query->hunk_size < sizeof(struct ashlar_hunk) ||
	    query->hunk_size > PAGE_SIZE)
		return -EINVAL;
	return range_walk_slots(query->addr, query->len, query_one, &args);
}

/* Return: whether the slot is worth a call. */
static bool slot_hint(struct region *region, struct vm_area_struct *vma,
		      unsigned long idx, struct ashlar_hint *hint)
{
	struct slot *slot = &region->slots[idx];
	struct place place;
	int nid = slot_node(region, idx);

	if (slot_is_hole(slot) || slot_is_shared(slot))
		return false;
	place_choose(&place, &region->policy, vma, idx);
	hint->addr = region_addr(region, idx);
	hint->len = HUNK_SIZE;
	hint->node = place.nid;
	if (!place_is_right(&place, nid)) {
		hint->reasons |= ASHLAR_HINT_MOVE;
		hint->cost += slot->huge ? HUNK_NR : slot->overlay->nr;
	}
	if (slot->huge && slot->overlay) {
		hint->reasons |= ASHLAR_HINT_FOLD | ASHLAR_HINT_REMAP;
		hint->gain = HUNK_NR - 1;
		hint->cost += slot->overlay->nr;
	} else if (slot->overlay && slot->overlay->nr > HUNK_NR / 2) {
		hint->reasons |= ASHLAR_HINT_COLLAPSE | ASHLAR_HINT_REMAP;
		hint->gain = slot->overlay->nr - 1;
		hint->cost += slot->overlay->nr;
	} else if (slot->huge && slot->flags & SLOT_PTE) {
		hint->reasons |= ASHLAR_HINT_REMAP;
		hint->gain = HUNK_NR - 1;
	}
	return hint->reasons;
}

static int hint_put(struct ashlar_hints *hints, const struct ashlar_hint *hint)
{
	void __user *to = u64_to_user_ptr(hints->hints) +
			  hints->ret_nr * hints->hint_size;
	size_t known = min_t(size_t, hints->hint_size, sizeof(*hint));

	if (copy_to_user(to, hint, known) ||
	    clear_user(to + known, hints->hint_size - known))
		return -EFAULT;
	hints->ret_nr++;
	return 0;
}

/* One VMA's part of the window; @at moves on. */
static int hints_in_vma(struct ashlar_hints *hints, struct region *region,
			struct vm_area_struct *vma, u64 *at, u64 end)
{
	unsigned long idx;
	int err = 0;

	*at = round_up(max_t(u64, *at, vma->vm_start), HUNK_SIZE);
	end = min_t(u64, end, vma->vm_end);
	while (*at + HUNK_SIZE <= end && !err && hints->ret_nr < hints->nr) {
		struct ashlar_hint hint = {};
		bool is_worth;

		idx = (*at - region_addr(region, 0)) / HUNK_SIZE;
		mutex_lock(slot_lock(region, idx));
		is_worth = slot_hint(region, vma, idx, &hint);
		mutex_unlock(slot_lock(region, idx));
		if (is_worth)
			err = hint_put(hints, &hint);
		if (!err)
			*at += HUNK_SIZE;
		cond_resched();
	}
	return err;
}

int call_hints(struct client *client, void *arg)
{
	struct ashlar_hints *hints = arg;
	u64 at = hints->addr, end = hints->addr + hints->len;
	struct vm_area_struct *vma;
	int err = range_check(hints->addr, hints->len);

	hints->ret_nr = 0;
	hints->ret_next = hints->addr;
	if (err)
		return err;
	if (!hints->nr || hints->hint_size < sizeof(struct ashlar_hint) ||
	    hints->hint_size > PAGE_SIZE)
		return -EINVAL;
	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	while (!err && hints->ret_nr < hints->nr && at < end) {
		vma = at < TASK_SIZE ? find_vma(current->mm, at) : NULL;
		if (!vma || vma->vm_start >= end) {
			at = end;
			break;
		}
		if (vma_region(vma) &&
		    vma->vm_pgoff == vma->vm_start >> PAGE_SHIFT)
			err = hints_in_vma(hints, vma_region(vma), vma, &at,
					   end);
		if (!err && hints->ret_nr < hints->nr)
			at = max_t(u64, at, vma->vm_end);
	}
	mmap_read_unlock(current->mm);
	hints->ret_next = min(at, end);
	return err;
}
