// SPDX-License-Identifier: GPL-2.0-only
/*
 * What poll() wakes for: memory pressure, and pools full again.
 *
 * Two counters and one wait queue for the whole module.  Each open file
 * remembers what it has seen (client.h).  Safe from reclaim context.
 */
#include "event.h"

#include <linux/atomic.h>
#include <linux/poll.h>
#include <linux/wait.h>

static atomic64_t pressure_epoch, refill_epoch;
static DECLARE_WAIT_QUEUE_HEAD(waiters);

/**
 * event_pressure() - the machine took memory back
 */
void event_pressure(void)
{
	atomic64_inc(&pressure_epoch);
	wake_up_interruptible_poll(&waiters, EPOLLPRI);
}

/**
 * event_refilled() - a pool reached its target
 */
void event_refilled(void)
{
	atomic64_inc(&refill_epoch);
	wake_up_interruptible_poll(&waiters, EPOLLIN | EPOLLRDNORM);
}

/**
 * event_now() - read both counters
 * @ret_event: where to
 */
void event_now(struct ashlar_event *ret_event)
{
	ret_event->pressure_epoch = atomic64_read(&pressure_epoch);
	ret_event->refill_epoch = atomic64_read(&refill_epoch);
}

/**
 * event_poll() - what a file has not seen yet
 * @file: the file
 * @wait: poll table
 * @seen: counters as of its last read()
 */
__poll_t event_poll(struct file *file, struct poll_table_struct *wait,
		    const struct ashlar_event *seen)
{
	struct ashlar_event now;
	__poll_t mask = 0;

	poll_wait(file, &waiters, wait);
	event_now(&now);
	if (now.pressure_epoch != seen->pressure_epoch)
		mask |= EPOLLPRI;
	if (now.refill_epoch != seen->refill_epoch)
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}
