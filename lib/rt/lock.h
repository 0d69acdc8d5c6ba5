/* SPDX-License-Identifier: MIT */
/*
 * A mutex of four bytes on a futex.  It allocates nothing, needs no
 * destruction, and can be set to "free" in the child of a fork.
 *
 * Lock order, outermost first; a lock is taken only while holding locks of
 * higher lines:
 *
 *	functions to call under pressure (lib/heap/notify.c)
 *	text on the source of pressure (lib/heap/pressure.c)
 *	conf / process initialisation
 *	walk over slabs (lib/heap/reclaim.c)
 *	table of thread heaps (lib/heap/theap.c)
 *	thread heap
 *	node heap (lib/hpheap/hpheap.c)
 *	address space (lib/hpheap/space.c)
 *	freed blocks that wait (lib/heap/quarantine.c)
 *	metadata (lib/rt/meta.c)
 *
 * No system call that can block for long is made under any of them; growing
 * the address space is serialised by a lock of its own that allocation from
 * memory at hand never needs.
 */
#ifndef ASHLAR_RT_LOCK_H
#define ASHLAR_RT_LOCK_H

#include "base/bits.h"

struct lock {
	/*
	 * 0 free, 1 held, 2 held with waiters.  Acquire on taking pairs with
	 * release on freeing.
	 */
	_Atomic u32 state;
};

/*
 * A child made by a bare clone(2) ran no fork handlers and may find locks that
 * nobody will ever release.  A waiter that waits long asks @is_orphan, and if
 * so calls @adopt, which resets the locks.
 */
struct lock_orphan_ops {
	bool (*is_orphan)(void);
	void (*adopt)(void);
};

void lock_watch_orphans(const struct lock_orphan_ops *ops);
void lock_wait(struct lock *l);
void lock_wake(struct lock *l);

static inline bool lock_try(struct lock *l)
{
	u32 expected = 0;

	return atomic_compare_exchange_strong_explicit(
		&l->state, &expected, 1, memory_order_acquire,
		memory_order_relaxed);
}

static inline void lock_acquire(struct lock *l)
{
	if (unlikely(!lock_try(l)))
		lock_wait(l);
}

static inline void lock_release(struct lock *l)
{
	u32 old = atomic_exchange_explicit(&l->state, 0, memory_order_release);

	if (unlikely(old == 2))
		lock_wake(l);
}

/* In the child of a fork, where no other thread can hold it. */
static inline void lock_reset(struct lock *l)
{
	atomic_store_explicit(&l->state, 0, memory_order_relaxed);
}

#endif
