// SPDX-License-Identifier: MIT
/*
 * The history of demand and the curve over it.
 */
#include "hpheap/decay.h"

#include <string.h>

/* 1 - smoothstep(age / DECAY_EPOCHS), times 1024. */
static const u16 keep_1024[DECAY_EPOCHS + 1] = {
	1024, 1017, 978, 892, 761, 599, 425, 263, 132, 46, 7, 0,
};

/**
 * decay_advance() - let time pass
 * @d: the history
 * @now_ms: monotonic time
 * @decay_ms: an epoch is one in EPOCH_SHARE of it
 * @used: how much is in use now
 */
void decay_advance(struct decay *d, u64 now_ms, long decay_ms, size_t used)
{
	u64 len = decay_ms > EPOCH_SHARE ? decay_ms / EPOCH_SHARE : 1;
	u64 steps;

	if (!d->epoch_ms)
		d->epoch_ms = now_ms;
	steps = (now_ms - d->epoch_ms) / len;
	if (!steps)
		return;
	d->epoch_ms += steps * len;
	steps = min_size(steps, DECAY_EPOCHS);
	memmove(d->peak + steps, d->peak,
		(DECAY_EPOCHS + 1 - steps) * sizeof(d->peak[0]));
	/* Nobody noted anything in the epochs in between. */
	for (u64 i = 0; i < steps; i++)
		d->peak[i] = used;
}

/**
 * decay_limit() - how much may be kept
 * @d: the history
 * @decay_ms: 0: nothing is kept; negative: everything is
 * @used: how much is in use now
 *
 * Return: the largest demand beyond @used, each weighted by its age.
 */
size_t decay_limit(const struct decay *d, long decay_ms, size_t used)
{
	size_t limit = 0;

	if (decay_ms <= 0)
		return decay_ms ? SIZE_MAX : 0;
	for (unsigned int i = 0; i <= DECAY_EPOCHS; i++)
		if (d->peak[i] > used)
			limit = max_size(limit, (d->peak[i] - used) / 1024 *
							keep_1024[i] +
						(d->peak[i] - used) % 1024 *
							keep_1024[i] / 1024);
	return limit;
}

/**
 * decay_rise() - how fast demand has been growing
 * @d: the history
 *
 * Return: the largest rise from one epoch to the next, of the latest.
 */
size_t decay_rise(const struct decay *d)
{
	size_t rise = 0;

	for (unsigned int i = 0; i < RISE_EPOCHS; i++)
		if (d->peak[i] > d->peak[i + 1])
			rise = max_size(rise, d->peak[i] - d->peak[i + 1]);
	return rise;
}
