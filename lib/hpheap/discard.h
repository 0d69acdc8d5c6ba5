/* SPDX-License-Identifier: MIT */
/*
 * Ranges on their way back to the kernel: as few calls as it allows, and none
 * after a deadline.
 */
#ifndef ASHLAR_HPHEAP_DISCARD_H
#define ASHLAR_HPHEAP_DISCARD_H

#include "os/ranges.h"

enum { DISCARD_MAX = 64 }; /* ranges at once: bits of a word */

struct backend_ops;

/* What it took, and what it may take. */
struct discard_cost {
	unsigned int nr_calls;
	u64 ns, max_ns;	 /* in all of them, in the longest */
	u64 deadline_ns; /* but the first, no call is begun after it; 0: none */
};

u64 discard_begin(const struct discard_cost *c);
void discard_end(struct discard_cost *c, u64 start_ns);
u64 discard_ranges(const struct backend_ops *ops, const struct os_range *ranges,
		   unsigned int nr, struct discard_cost *c);

#endif
