/* SPDX-License-Identifier: GPL-2.0-only */
/* A call's range, slot by slot. */
#ifndef ASHLAR_RANGE_H
#define ASHLAR_RANGE_H

#include <linux/types.h>

#include "region.h"

/* Slots in a run. */
#define RANGE_RUN REGION_LOCKS

/*
 * Called for each slot with the mmap lock of current->mm held for reading; takes
 * the slot mutex itself.  May not touch user memory.  Return 0, or -errno to
 * stop.
 */
typedef int (*range_fn)(struct region *region, struct vm_area_struct *vma,
			unsigned long idx, void *arg);

/*
 * The same for a run of slots, at most RANGE_RUN, that one VMA covers and whose
 * mutexes differ and come in order.  Counts in @ret_done the slots that need not
 * be seen again; fewer than @nr: it stopped for others' sake.
 */
typedef int (*range_run_fn)(struct region *region, struct vm_area_struct *vma,
			    unsigned long idx, unsigned long nr,
			    unsigned long *ret_done, void *arg);

/**
 * struct range_ops - a call that passes user memory along with each slot
 * @before: fetch what is needed, without locks; @nr counts slots; may be NULL
 * @slot: see above
 * @after: hand out results, without locks
 */
struct range_ops {
	int (*before)(u64 nr, void *arg);
	range_fn slot;
	int (*after)(u64 nr, void *arg);
};

bool range_should_pause(void);
int range_check(u64 addr, u64 len);
int range_check_mapped(u64 addr, u64 len);
int range_walk_runs(u64 addr, u64 len, range_run_fn fn, void *arg);
int range_walk_slots(u64 addr, u64 len, range_fn fn, void *arg);
int range_walk_ops(u64 addr, u64 len, const struct range_ops *ops, void *arg);

#endif /* ASHLAR_RANGE_H */
