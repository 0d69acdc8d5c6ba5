// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory attached ahead of its first touch.
 *
 * Unlike a fault, a call can say no: it charges without calling the OOM killer,
 * obeys the quotas, and can take everything back if the last hunk fails.  First
 * the pages go into the slots, then the core is asked to map them.
 */
#include "populate.h"

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "client.h"
#include "compat.h"
#include "discard.h"
#include "failpoint.h"
#include "page.h"
#include "range.h"
#include "region.h"
#include "slot.h"
#include "stats.h"

/**
 * struct populate - a call under way
 * @addr: start of the range
 * @flags: ASHLAR_POPULATE_*
 * @fresh: bit for each slot of the range that this call filled, or NULL
 * @nr_done: slots from the start that hold memory
 * @nr_new: slots that this call filled
 */
struct populate {
	u64 addr;
	u32 flags;
	unsigned long *fresh;
	u64 nr_done;
	u64 nr_new;
};

static enum want populate_want(const struct populate *populate)
{
	enum want want = WANT_ZERO | WANT_ERROR;

	if (populate->flags & ASHLAR_POPULATE_POOL)
		want |= WANT_POOL;
	return want;
}

static bool populate_huge_only(const struct populate *populate)
{
	return populate->flags &
	       (ASHLAR_POPULATE_HUGE | ASHLAR_POPULATE_POOL);
}

/* All the base pages that the slot lacks; what was made stays on failure. */
static int fill_small(struct region *region, struct slot *slot,
		      const struct place *place, enum want want)
{
	struct page *page;
	unsigned long sub;
	int err;

	if (!slot->overlay) {
		slot->overlay = overlay_create();
		if (!slot->overlay)
			return -ENOMEM;
		slot->flags |= SLOT_PTE;
		stat_inc(STAT_fallbacks);
	}
	for (sub = 0; sub < HUNK_NR; sub++) {
		if (slot->overlay->pages[sub])
			continue;
		page = spage_alloc(region->family->client, place, want, &err);
		if (!page) {
			slot_drop_empty_overlay(slot);
			return err;
		}
		overlay_set(slot->overlay, sub, page);
	}
	return 0;
}

/* The slot mutex is held. */
static int fill_slot(struct populate *populate, struct region *region,
		     struct vm_area_struct *vma, unsigned long idx)
{
	struct slot *slot = &region->slots[idx];
	enum want want = populate_want(populate);
	struct place place;
	struct page *page;
	int err;

	if (slot->huge)
		return 0;
	place_choose(&place, &region->policy, vma, idx);
	if (!slot->overlay) {
		page = hpage_alloc(region->family->client, &place, want, &err);
		if (page) {
			slot->huge = page;
			page_attached(page);
			return 0;
		}
		if (err == -EDQUOT)
			return err;
	}
	if (populate_huge_only(populate))
		return slot->overlay ? -EBUSY : -ENOMEM;
	return fill_small(region, slot, &place, want);
}

static int attach_one(struct region *region, struct vm_area_struct *vma,
		      unsigned long idx, void *arg)
{
	struct populate *populate = arg;
	bool was_hole;
	int err;

	mutex_lock(slot_lock(region, idx));
	was_hole = slot_is_hole(&region->slots[idx]);
	err = fill_slot(populate, region, vma, idx);
	mutex_unlock(slot_lock(region, idx));

	if (was_hole && !slot_is_hole(&region->slots[idx])) {
		if (populate->fresh)
			__set_bit((region_addr(region, idx) - populate->addr) /
				  HUNK_SIZE, populate->fresh);
		populate->nr_new++;
	}
	if (!err)
		populate->nr_done++;
	return err;
}

/* Maps a hunk as a first touch would, without the exception. */
static int map_one(struct region *region, struct vm_area_struct *vma,
		   unsigned long idx, void *arg)
{
	unsigned long addr = region_addr(region, idx);
	unsigned int flags = FAULT_FLAG_USER | FAULT_FLAG_REMOTE;
	unsigned long step = region->slots[idx].huge ? HUNK_SIZE : PAGE_SIZE;
	unsigned long end = min(addr + HUNK_SIZE, vma->vm_end);

	if (vma->vm_flags & VM_WRITE)
		flags |= FAULT_FLAG_WRITE;
	else if (!(vma->vm_flags & VM_READ))
		return 0;
	for (; addr < end; addr += step)
		if (handle_mm_fault(vma, addr, flags, NULL) & VM_FAULT_ERROR)
			return 0;	/* the memory is there all the same */
	return 0;
}

static int undo_one(struct region *region, struct vm_area_struct *vma,
		    unsigned long idx, void *arg)
{
	struct populate *populate = arg;
	unsigned long bit = (region_addr(region, idx) - populate->addr) /
			    HUNK_SIZE;

	if (test_bit(bit, populate->fresh))
		discard_slot(region, idx);
	return 0;
}

/* Regions bound the length, and so what is set aside: not the caller. */
static int fresh_alloc(struct populate *populate, u64 len)
{
	int err;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	err = range_check_mapped(populate->addr, len);
	mmap_read_unlock(current->mm);
	if (err)
		return err;
	if (should_fail_at(FAIL_META))
		return -ENOMEM;
	populate->fresh = kvcalloc(BITS_TO_LONGS(len / HUNK_SIZE), sizeof(long),
				   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	return populate->fresh ? 0 : -ENOMEM;
}

/**
 * populate_range() - attach memory to a range
 * @addr: start
 * @len: length in bytes
 * @flags: ASHLAR_POPULATE_*, checked
 * @ret_done: slots from the start that hold memory now
 * @ret_new: slots that this call filled
 *
 * Return: 0, -ENOMEM, -EDQUOT, -EBUSY if huge pages only are wanted where base
 * pages are, or what range_walk_slots() says.
 */
int populate_range(u64 addr, u64 len, u32 flags, u64 *ret_done, u64 *ret_new)
{
	struct populate populate = { .addr = addr, .flags = flags };
	int err = range_check(addr, len);

	if (err)
		return err;
	if (flags & ASHLAR_POPULATE_ALL) {
		err = fresh_alloc(&populate, len);
		if (err)
			return err;
	}
	err = range_walk_slots(addr, len, attach_one, &populate);
	if (err && populate.fresh) {
		range_walk_slots(addr, len, undo_one, &populate);
		populate.nr_done = 0;
		populate.nr_new = 0;
	}
	kvfree(populate.fresh);
	*ret_done = populate.nr_done;
	*ret_new = populate.nr_new;
	if (populate.nr_done && !(flags & ASHLAR_POPULATE_NOMAP))
		range_walk_slots(addr, populate.nr_done * HUNK_SIZE,
				 map_one, NULL);
	return err;
}
