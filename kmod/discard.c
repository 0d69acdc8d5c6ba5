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

/*
 * The first slot that holds something up to the end of the last, zapped in one:
 * one walk of the page tables, one TLB flush.  The mutexes come in the order of
 * their addresses, under the mmap lock.
 */
static unsigned long detach_run(struct region *region, unsigned long idx,
				unsigned long nr, struct slot *old)
{
	unsigned long i, nr_full = 0, first = 0, last = 0;
	struct slot *slot;

	for (i = 0; i < nr; i++) {
		slot = &region->slots[idx + i];
		mutex_lock_nest_lock(slot_lock(region, idx + i),
				     &current->mm->mmap_lock);
		old[i] = *slot;
		if (slot_is_hole(slot))
			continue;
		slot->huge = NULL;
		slot->overlay = NULL;
		slot->flags &= SLOT_PTE;	/* the page table stays */
		slot_settle(&old[i]);
		first = nr_full++ ? first : i;
		last = i;
	}
	if (nr_full)
		slots_zap(region, idx + first, last - first + 1);
	while (i--)
		mutex_unlock(slot_lock(region, idx + i));
	return nr_full;
}

static int discard_run(struct region *region, struct vm_area_struct *vma,
		       unsigned long idx, unsigned long nr,
		       unsigned long *ret_done, void *arg)
{
	struct client *client = region->family->client;
	struct slot old[RANGE_RUN];
	unsigned long i, nr_full;
	u64 *nr_done = arg;

	nr_full = detach_run(region, idx, nr, old);
	for (i = 0; nr_full && i < nr; i++) {
		if (slot_is_hole(&old[i]))
			continue;
		slot_clear(client, &old[i]);
		trace_ashlar_discard(region, idx + i);
	}
	stat_add(STAT_discarded, nr_full);
	*nr_done += nr_full;
	*ret_done = nr;
	return 0;
}

/**
 * discard_slot() - empty a slot
 * @region: the region
 * @idx: number of the slot
 *
 * The mmap lock is held.
 */
void discard_slot(struct region *region, unsigned long idx)
{
	unsigned long nr_slots;
	u64 nr_full = 0;

	discard_run(region, NULL, idx, 1, &nr_slots, &nr_full);
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
	return range_walk_runs(addr, len, discard_run, ret_done);
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
