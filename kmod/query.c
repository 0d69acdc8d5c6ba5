// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a range is made of, and what of it is worth collapsing.
 *
 * Reports only what the module knows for certain: its slots.  Whether a hunk is
 * used at all is the caller's knowledge.
 */
#include "calls.h"

#include <linux/mm.h>
#include <linux/sched/signal.h>
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
 * @hunk: of the current slot
 */
struct query_args {
	struct ashlar_query *query;
	struct ashlar_hunk hunk;
};

static int query_slot(struct region *region, struct vm_area_struct *vma,
		      unsigned long idx, void *arg)
{
	struct query_args *args = arg;

	memset(&args->hunk, 0, sizeof(args->hunk));
	mutex_lock(slot_lock(region, idx));
	slot_describe(region, vma, idx, &args->hunk);
	mutex_unlock(slot_lock(region, idx));
	return 0;
}

/* Entries of the caller's size: what we know, then zeroes. */
static int entry_put(u64 table, u64 nr, u32 size, const void *entry,
		     size_t known)
{
	void __user *to = u64_to_user_ptr(table) + nr * size;

	known = min_t(size_t, size, known);
	if (copy_to_user(to, entry, known) ||
	    clear_user(to + known, size - known))
		return -EFAULT;
	return 0;
}

static int query_after(u64 nr, void *arg)
{
	struct query_args *args = arg;
	struct ashlar_query *query = args->query;
	int err = entry_put(query->hunks, nr, query->hunk_size, &args->hunk,
			    sizeof(args->hunk));

	query->ret_nr += !err;
	return err;
}

int call_query(struct client *client, void *arg)
{
	static const struct range_ops ops = {
		.slot = query_slot,
		.after = query_after,
	};
	struct query_args args = { .query = arg };
	struct ashlar_query *query = arg;

	query->ret_nr = 0;
	if (query->reserved || query->hunk_size < sizeof(struct ashlar_hunk) ||
	    query->hunk_size > PAGE_SIZE)
		return -EINVAL;
	return range_walk_ops(query->addr, query->len, &ops, &args);
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

/* So many are looked for under the lock at a time. */
#define HINTS_AT_ONCE 16U

/**
 * struct hints_args - a call under way
 * @at: looked at so far
 * @end: where to stop
 * @nr: hints found, not handed out yet
 * @room: for so many
 * @is_paused: the lock was wanted by others
 * @hint: them
 */
struct hints_args {
	u64 at;
	u64 end;
	unsigned int nr;
	unsigned int room;
	bool is_paused;
	struct ashlar_hint hint[HINTS_AT_ONCE];
};

/* One VMA's part of the window. */
static void hints_in_vma(struct hints_args *args, struct region *region,
			 struct vm_area_struct *vma)
{
	u64 end = min_t(u64, args->end, region_vma_end(region, vma));
	struct ashlar_hint hint;
	unsigned long idx;

	args->at = round_up(max_t(u64, args->at, vma->vm_start), HUNK_SIZE);
	while (args->at + HUNK_SIZE <= end && args->nr < args->room &&
	       !args->is_paused) {
		memset(&hint, 0, sizeof(hint));
		idx = (args->at - region_addr(region, 0)) / HUNK_SIZE;
		mutex_lock(slot_lock(region, idx));
		if (slot_hint(region, vma, idx, &hint))
			args->hint[args->nr++] = hint;
		mutex_unlock(slot_lock(region, idx));
		args->at += HUNK_SIZE;
		args->is_paused = range_should_pause();
	}
}

/* The mmap lock is held. */
static void hints_find(struct hints_args *args)
{
	struct vm_area_struct *vma;

	while (args->nr < args->room && args->at < args->end &&
	       !args->is_paused) {
		vma = args->at < TASK_SIZE ? find_vma(current->mm, args->at) :
					     NULL;
		if (!vma || vma->vm_start >= args->end) {
			args->at = args->end;
			return;
		}
		if (vma_region(vma) &&
		    vma->vm_pgoff == vma->vm_start >> PAGE_SHIFT)
			hints_in_vma(args, vma_region(vma), vma);
		if (args->nr < args->room && !args->is_paused)
			args->at = max_t(u64, args->at, vma->vm_end);
	}
}

static int hints_put(struct ashlar_hints *hints, const struct hints_args *args)
{
	unsigned int i;
	int err;

	for (i = 0; i < args->nr; i++) {
		err = entry_put(hints->hints, hints->ret_nr, hints->hint_size,
				&args->hint[i], sizeof(args->hint[i]));
		if (err)
			return err;
		hints->ret_nr++;
		hints->ret_next = args->hint[i].addr + args->hint[i].len;
	}
	hints->ret_next = min(args->at, args->end);
	return 0;
}

int call_hints(struct client *client, void *arg)
{
	struct ashlar_hints *hints = arg;
	struct hints_args args = {
		.at = hints->addr,
		.end = hints->addr + hints->len,
	};
	int err = range_check(hints->addr, hints->len);

	hints->ret_nr = 0;
	hints->ret_next = hints->addr;
	if (err)
		return err;
	if (!hints->nr || hints->hint_size < sizeof(struct ashlar_hint) ||
	    hints->hint_size > PAGE_SIZE)
		return -EINVAL;
	while (!err && hints->ret_nr < hints->nr && args.at < args.end) {
		if (fatal_signal_pending(current))
			return -EINTR;
		args.nr = 0;
		args.is_paused = false;
		args.room = min_t(u64, HINTS_AT_ONCE,
				  hints->nr - hints->ret_nr);
		if (mmap_read_lock_killable(current->mm))
			return -EINTR;
		hints_find(&args);
		mmap_read_unlock(current->mm);
		err = hints_put(hints, &args);
		cond_resched();
	}
	return err;
}
