/* SPDX-License-Identifier: MIT */
/*
 * Giving back base pages inside slabs that hold no live object.
 */
#ifndef ASHLAR_HEAP_RECLAIM_H
#define ASHLAR_HEAP_RECLAIM_H

#include "base/bits.h"

enum reclaim_how {
	RECLAIM_SPARSE, /* in huge pages that are less than half full */
	RECLAIM_ALL,
};

bool reclaim_settle(u64 now_ms);
size_t reclaim_slabs(enum reclaim_how how);
void reclaim_stop(void);
void reclaim_resume(void);

#endif
