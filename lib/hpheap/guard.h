/* SPDX-License-Identifier: MIT */
/*
 * Guard pages: units in use whose every access ends the program.  What stands
 * on either side is its user's to know.
 */
#ifndef ASHLAR_HPHEAP_GUARD_H
#define ASHLAR_HPHEAP_GUARD_H

#include "base/bits.h"

enum guard {
	GUARD_NONE,	 /* units like any other: the kernel refused */
	GUARD_MARKED,	 /* by markers in the page tables */
	GUARD_PROTECTED, /* by mprotect(), a mapping of its own */
};

void guard_init(void);
enum guard guard_set(size_t unit, size_t nr_units);
bool guard_clear(size_t unit, size_t nr_units, enum guard how);
bool guard_cut(size_t unit, size_t nr_units, enum guard how);
u64 guard_count(void);
u64 guard_refused(void);

#endif
