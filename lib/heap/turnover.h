/* SPDX-License-Identifier: MIT */
/*
 * Whether the slabs of a class stay or come and go.
 */
#ifndef ASHLAR_HEAP_TURNOVER_H
#define ASHLAR_HEAP_TURNOVER_H

#include "base/bits.h"

struct turnover {
	size_t peak;   /* bytes: the most since they last went */
	u32 since_ms;  /* when they began to come, then; 0: not yet; wraps */
	u32 lasted_ms; /* how long the last ones stayed */
	bool is_fleeting;
};

enum {
	TURNOVER_LEAST = 256 << 10, /* bytes at the peak: less does not matter */
	TURNOVER_LEFT = 4,	    /* so small a part of them is left */
};

/* Have nearly all of the slabs gone, of which @bytes are left? */
static inline bool turnover_is_over(const struct turnover *t, size_t bytes)
{
	return unlikely(t->peak >= TURNOVER_LEAST &&
			bytes <= t->peak / TURNOVER_LEFT);
}

void turnover_ends(struct turnover *t, size_t bytes, u64 now_ms);
void turnover_grows(struct turnover *t, size_t bytes, u64 now_ms);

#endif
