// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory given back: by call, and by madvise(MADV_REMOVE).
 *
 * The slot is emptied first, so that a fault from here on starts afresh; then
 * the pages are settled, zapped and let go of.
 */
#include "discard.h"

#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/mm.h>

#include "compat.h"
#include "range.h"
#include "region.h"
#include "slot.h"
#include "stats.h"
#include "trace.h"

/**
 * discard_slot() - empty a slot
 * @region: the region
 * @idx: number of the slot
 *
 * Return: whether there was anything.
 */
bool discard_slot(struct region *region, unsigned long idx)
{
	struct slot *slot = &region->slots[idx], old;

	mutex_lock(slot_lock(region, idx));
	old = *slot;
	if (slot_is_hole(&old)) {
		mutex_unlock(slot_lock(region, idx));
		return false;
	}
	slot->huge = NULL;
	slot->overlay = NULL;
	slot->flags &= SLOT_PTE;	/* the page table stays */
	slot_settle(&old);
	slot_zap(region, idx);
	mutex_unlock(slot_lock(region, idx));

	slot_clear(region->family->client, &old);
	stat_inc(STAT_discarded);
	trace_ashlar_discard(region, idx);
	return true;
}

static int discard_one(struct region *region, struct vm_area_struct *vma,
		       unsigned long idx, void *arg)
{
	u64 *nr_done = arg;

	*nr_done += discard_slot(region, idx);
	return 0;
}

/**
 * discard_range() - empty all slots of a range
 * @addr: start
 * @len: length in bytes
 * @ret_done: slots that held something, also on failure
 *
 * Return: 0 or -errno.
 */
int discard_range(u64 addr, u64 len, u64 *ret_done)
{
	*ret_done = 0;
	return range_walk_slots(addr, len, discard_one, ret_done);
}

/**
 * discard_fallocate() - madvise(MADV_REMOVE) ends here
 * @file: a region's
 * @mode: must punch a hole
 * @pos: its page offsets are addresses of the calling process
 * @len: in bytes
 *
 * Return: 0 or -errno; -EINVAL unless whole hunks are punched.
 */
long discard_fallocate(struct file *file, int mode, loff_t pos, loff_t len)
{
	u64 nr_done;

	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	return discard_range(pos, len, &nr_done);
}
