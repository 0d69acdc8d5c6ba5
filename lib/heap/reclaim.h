/* SPDX-License-Identifier: MIT */
/*
 * Giving back base pages inside slabs that hold no live object.
 */
#ifndef ASHLAR_HEAP_RECLAIM_H
#define ASHLAR_HEAP_RECLAIM_H

#include "hpheap/decay.h"
#include "rt/conf.h"

enum { RECLAIM_LOOKS = 16 }; /* at each heap in the decay time */

enum reclaim_how {
	RECLAIM_SPARSE, /* in huge pages that are less than half full */
	RECLAIM_ALL,
};

/*
 * How old a huge page must be to be broken: what went at the first looks at a
 * heap that has come to rest is that old when it is settled.
 */
static inline long reclaim_age_ms(void)
{
	return decay_span(conf.dirty_decay_ms) -
	       2 * conf.dirty_decay_ms / RECLAIM_LOOKS;
}

bool reclaim_settle(u64 now_ms);
size_t reclaim_slabs(enum reclaim_how how);
void reclaim_stop(void);
void reclaim_resume(void);

#endif
