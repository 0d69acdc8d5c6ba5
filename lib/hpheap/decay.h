/* SPDX-License-Identifier: MIT */
/*
 * How much free memory may stay backed: as much as the program needed at a
 * moment of the recent past beyond what it uses now, the longer ago the less.
 *
 * So memory that is freed and taken again all the time stays, and what is not
 * needed any more goes along a smooth curve, within two thirds of the decay time
 * or so: some of it comes to light later than it is freed, since it waits in
 * caches and slabs, and purging takes its time, too.  (History of
 * demand as in adaptive subrelease, Maas et al., ISMM 2021; the curve is the
 * quintic smoothstep, Perlin 2002, as in jemalloc's decay.)
 *
 * Data only, in any unit of memory the caller likes.
 */
#ifndef ASHLAR_HPHEAP_DECAY_H
#define ASHLAR_HPHEAP_DECAY_H

#include "base/bits.h"

enum {
	EPOCH_SHARE = 16,  /* of the decay time */
	DECAY_EPOCHS = 11, /* until nothing is kept */
	RISE_EPOCHS = 4,
};

struct decay {
	u64 epoch_ms;		       /* start of the current epoch */
	size_t peak[DECAY_EPOCHS + 1]; /* most in use in each; [0]: current */
};

/* Note how much is in use, whenever it has risen. */
static inline void decay_note(struct decay *d, size_t used)
{
	d->peak[0] = max_size(d->peak[0], used);
}

/* Until nothing is kept; the unit is that of @decay_ms. */
static inline long decay_span(long decay_ms)
{
	return decay_ms * DECAY_EPOCHS / EPOCH_SHARE;
}

void decay_advance(struct decay *d, u64 now_ms, long decay_ms, size_t used);
size_t decay_rise(const struct decay *d);
size_t decay_limit(const struct decay *d, long decay_ms, size_t used);

#endif
