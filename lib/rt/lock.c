// SPDX-License-Identifier: MIT
/*
 * The slow half of the mutex: spin a little, then sleep in the kernel.  The
 * three-state protocol is Drepper's "Futexes Are Tricky" (2011), mutex 2.
 */
#include "rt/lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include "arch.h"

enum { SPINS = 200, ORPHAN_CHECK_NS = 100000000 };

static const struct lock_orphan_ops *_Atomic orphan_ops;

/**
 * lock_watch_orphans() - let long waits look for a missed fork
 * @ops: how; stays valid for ever
 */
void lock_watch_orphans(const struct lock_orphan_ops *ops)
{
	atomic_store(&orphan_ops, ops);
}

static void check_orphan(void)
{
	const struct lock_orphan_ops *ops = atomic_load(&orphan_ops);

	if (ops && ops->is_orphan())
		ops->adopt();
}

void lock_wait(struct lock *l)
{
	for (int i = 0; i < SPINS; i++) {
		if (!atomic_load_explicit(&l->state, memory_order_relaxed) &&
		    lock_try(l))
			return;
		cpu_relax();
	}
	while (atomic_exchange_explicit(&l->state, 2, memory_order_acquire)) {
		struct timespec wait = { .tv_nsec = ORPHAN_CHECK_NS };

		if (sys_call(SYS_futex, (long)&l->state, FUTEX_WAIT_PRIVATE, 2,
			     (long)&wait, 0, 0) == -ETIMEDOUT)
			check_orphan();
	}
}

void lock_wake(struct lock *l)
{
	sys_call(SYS_futex, (long)&l->state, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}
