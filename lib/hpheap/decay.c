// SPDX-License-Identifier: MIT
/*
 * The decay curve.  Amounts are in any unit the caller likes.
 */
#include "hpheap/decay.h"

#include <string.h>

/* 1 - smoothstep(age), age in sixteenths of the decay time, times 1024. */
static const u16 keep_1024[DECAY_EPOCHS] = {
	1022, 1007, 971, 918, 833, 733, 624, 512,
	400, 291, 191, 106, 53, 17, 2, 0,
};

/**
 * decay_advance() - let time pass
 * @d: the curve
 * @now_ms: monotonic time
 * @decay_ms: time until nothing is kept; negative: all is kept
 * @dirty: how much is dirty now
 *
 * Return: true when an epoch ended, so that @d->limit is new.
 */
bool decay_advance(struct decay *d, u64 now_ms, long decay_ms, size_t dirty)
{
	u64 len = max_size(decay_ms / DECAY_EPOCHS, 1);
	u64 steps;
	size_t limit = 0;

	if (decay_ms < 0) {
		d->limit = SIZE_MAX;
		return false;
	}
	if (!d->epoch_ms)
		d->epoch_ms = now_ms;
	steps = (now_ms - d->epoch_ms) / len;
	if (!steps)
		return false;
	d->epoch_ms += steps * len;
	steps = min_size(steps, DECAY_EPOCHS);
	memmove(d->added + steps, d->added,
		(DECAY_EPOCHS - steps) * sizeof(d->added[0]));
	memset(d->added, 0, steps * sizeof(d->added[0]));
	/* What came since is as old as the oldest of the steps, at most. */
	d->added[steps - 1] = dirty > d->last ? dirty - d->last : 0;
	d->last = dirty;
	for (unsigned int i = 0; i < DECAY_EPOCHS; i++)
		limit += d->added[i] * keep_1024[i] / 1024;
	d->limit = limit;
	return true;
}

/**
 * decay_settle() - dirty memory went away otherwise than by new use
 * @d: the curve
 * @dirty: how much is left
 *
 * Called after a purge, so that the next growth is counted from there.
 */
void decay_settle(struct decay *d, size_t dirty)
{
	if (dirty < d->last)
		d->last = dirty;
}
