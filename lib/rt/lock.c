// SPDX-License-Identifier: MIT
/*
 * The slow half of the mutex: spin a little, then sleep in the kernel.  The
 * three-state protocol is Drepper's "Futexes Are Tricky" (2011), mutex 2.
 */
#include "rt/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include "arch.h"

enum { SPINS = 200 };

void lock_wait(struct lock *l)
{
	for (int i = 0; i < SPINS; i++) {
		if (!atomic_load_explicit(&l->state, memory_order_relaxed) &&
		    lock_try(l))
			return;
		cpu_relax();
	}
	while (atomic_exchange_explicit(&l->state, 2, memory_order_acquire))
		sys_call(SYS_futex, (long)&l->state, FUTEX_WAIT_PRIVATE, 2, 0,
			 0, 0);
}

void lock_wake(struct lock *l)
{
	sys_call(SYS_futex, (long)&l->state, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}
