/* SPDX-License-Identifier: MIT */
/*
 * How much dirty memory may be kept at a moment: what became dirty a time ago
 * may stay in part, less and less along a smooth curve, none after the decay
 * time.  (The idea is jemalloc's decay; the curve is the quintic smoothstep,
 * Perlin 2002.)
 */
#ifndef ASHLAR_HPHEAP_DECAY_H
#define ASHLAR_HPHEAP_DECAY_H

#include "base/bits.h"

enum { DECAY_EPOCHS = 16 };

struct decay {
	u64 epoch_ms;		     /* start of the current epoch */
	size_t last;		     /* dirty at the start of the epoch */
	size_t added[DECAY_EPOCHS];  /* [0]: the newest finished epoch */
	size_t limit;		     /* as of the last decay_advance() */
};

bool decay_advance(struct decay *d, u64 now_ms, long decay_ms, size_t dirty);
void decay_settle(struct decay *d, size_t dirty);

#endif
