/* SPDX-License-Identifier: MIT */
/*
 * How much free memory may stay backed: as much as the program needed at a
 * moment of the recent past beyond what it uses now, the longer ago the less.
 *
 * So memory that is freed and taken again all the time stays, and what is not
 * needed any more goes along a smooth curve within the decay time.  (History of
 * demand as in adaptive subrelease, Maas et al., ISMM 2021; the curve is the
 * quintic smoothstep, Perlin 2002, as in jemalloc's decay.)
 *
 * Data only, in any unit of memory the caller likes.
 */
#ifndef ASHLAR_HPHEAP_DECAY_H
#define ASHLAR_HPHEAP_DECAY_H

#include "base/bits.h"

enum { DECAY_EPOCHS = 16, RISE_EPOCHS = 4 };

struct decay {
	u64 epoch_ms;		       /* start of the current epoch */
	size_t peak[DECAY_EPOCHS + 1]; /* most in use in each; [0]: current */
};

/* Note how much is in use, whenever it has risen. */
static inline void decay_note(struct decay *d, size_t used)
{
	d->peak[0] = max_size(d->peak[0], used);
}

void decay_advance(struct decay *d, u64 now_ms, long decay_ms, size_t used);
size_t decay_rise(const struct decay *d);
size_t decay_limit(const struct decay *d, long decay_ms, size_t used);

#endif
