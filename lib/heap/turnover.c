// SPDX-License-Identifier: MIT
/*
 * Size class and age tell: slabs of a class of which three quarters went at some
 * time are expected to go again, until they have stayed for longer than that.
 */
#include "heap/turnover.h"

enum {
	SHORT_MS = 10000, /* nothing that was gone by then has stayed */
	LASTED_TIMES = 2, /* nor what has stayed no longer than so many times */
};

/**
 * turnover_ends() - nearly all slabs of the class have gone
 * @t: the class's
 * @bytes: what is left of them
 * @now_ms: monotonic time
 */
void turnover_ends(struct turnover *t, size_t bytes, u64 now_ms)
{
	if (t->since_ms) /* else the rest of the same ones */
		t->lasted_ms = (u32)now_ms - t->since_ms;
	t->peak = bytes;
	t->since_ms = 0;
	t->is_fleeting = true;
}

/**
 * turnover_grows() - the class gets another slab
 * @t: the class's
 * @bytes: what it has
 * @now_ms: monotonic time
 */
void turnover_grows(struct turnover *t, size_t bytes, u64 now_ms)
{
	u32 now = (u32)now_ms | 1;

	t->peak = max_size(t->peak, bytes);
	if (!t->since_ms)
		t->since_ms = now;
	if (now - t->since_ms > max_size(SHORT_MS, (size_t)t->lasted_ms *
							    LASTED_TIMES))
		t->is_fleeting = false;
}
