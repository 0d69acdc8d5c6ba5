/* SPDX-License-Identifier: GPL-2.0-only */
/* A call's range, slot by slot. */
#ifndef ASHLAR_RANGE_H
#define ASHLAR_RANGE_H

#include <linux/types.h>

struct region;
struct vm_area_struct;

/*
 * Called for each slot with the mmap lock of current->mm held for reading; takes
 * the slot mutex itself.  Return 0, or -errno to stop.
 */
typedef int (*range_fn)(struct region *region, struct vm_area_struct *vma,
			unsigned long idx, void *arg);

int range_check(u64 addr, u64 len);
int range_check_mapped(u64 addr, u64 len);
int range_walk_slots(u64 addr, u64 len, range_fn fn, void *arg);

#endif /* ASHLAR_RANGE_H */
