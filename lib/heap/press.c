// SPDX-License-Identifier: MIT
/*
 * The threads' part of the limits.  The huge-page heap gives back what it has
 * by itself; what sits in caches and slabs is only here to be found.
 */
#include "heap/press.h"

#include "heap/notify.h"
#include "heap/process.h"
#include "heap/quarantine.h"
#include "heap/thread.h"
#include "hpheap/limit.h"

enum { AGAIN_MS = 2000 };

/**
 * press_relieve() - an allocation was refused: give back all that is free, or
 *	what waits, where it was for want of address space
 *
 * The caller holds no lock, and its cache may change.
 *
 * Return: true if it is worth another try.
 */
bool press_relieve(void)
{
	if (!limit_has_hard())
		return quarantine_drain() > 0;
	process_purge_all();
	return true;
}

/* The other try was refused, too. */
void press_refused(void)
{
	if (limit_has_hard())
		limit_refuse();
}

/**
 * press_shrink() - empty the cache if that was asked for since the last time
 * @t: the thread's cache
 */
void press_shrink(struct tcache *t)
{
	u32 round = limit_round();

	if (t->press_round == round)
		return;
	t->press_round = round;
	thread_trim(t);
}

/**
 * press_tick() - the background thread's part
 * @now: monotonic time, ms
 *
 * Everything goes back when that is asked for, and now and then again for as
 * long as memory is short: what threads put into their slabs meanwhile is not
 * found by the purging of runs.
 *
 * Return: true if there was something to do.
 */
bool press_tick(u64 now)
{
	static u32 round;
	static u64 last;
	bool is_new = round != limit_round();

	if (!is_new && (!limit_is_pressed() || now - last < AGAIN_MS))
		return false;
	round = limit_round();
	last = now;
	if (is_new)
		notify_all();
	process_purge_all();
	return true;
}
