// SPDX-License-Identifier: MIT
/*
 * A table of functions and arguments.  They are called one after another by the
 * background thread, with no lock held: one may allocate, free, fork, and add
 * and remove others and itself.  Who removes one that is running waits for it
 * to return, unless it is the one that runs.
 */
#include "heap/notify.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "arch.h"
#include "rt/lock.h"

struct notify {
	void (*fn)(void *arg); /* NULL: free */
	void *arg;
};

static struct {
	struct lock lock; /* outermost; nothing is called under it */
	struct notify slot[MAX_NOTIFIES]; /* Guarded by lock. */
	_Atomic u32 nr;			  /* Guarded by lock for writing. */
	const struct notify *running;	  /* Guarded by lock. */
	long runner;			  /* thread id of its.  Guarded by lock. */
	_Atomic u32 nr_done;		  /* returns of functions; a futex */
	_Atomic u64 nr_calls;
} all;

static long thread_id(void)
{
	return sys_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

/* Lock held. */
static struct notify *find(void (*fn)(void *arg), void *arg)
{
	for (unsigned int i = 0; i < MAX_NOTIFIES; i++)
		if (all.slot[i].fn == fn && (!fn || all.slot[i].arg == arg))
			return &all.slot[i];
	return NULL;
}

/**
 * notify_add() - have a function called when memory is short
 * @fn: the function
 * @arg: its argument; the pair must not be there already
 *
 * Return: 0; -EINVAL no function, -EEXIST, -ENOSPC too many.
 */
int notify_add(void (*fn)(void *arg), void *arg)
{
	struct notify *n;
	int err = 0;

	if (!fn)
		return -EINVAL;
	lock_acquire(&all.lock);
	n = find(NULL, NULL);
	if (find(fn, arg)) {
		err = -EEXIST;
	} else if (!n) {
		err = -ENOSPC;
	} else {
		*n = (struct notify){ fn, arg };
		all.nr++;
	}
	lock_release(&all.lock);
	return err;
}

/* Lock held; it is released on the way.  Until @n does not run. */
static void wait_for(const struct notify *n)
{
	long me = thread_id();

	while (all.running == n && all.runner != me) {
		u32 nr_done = all.nr_done;

		lock_release(&all.lock);
		sys_call(SYS_futex, (long)&all.nr_done, FUTEX_WAIT_PRIVATE,
			 nr_done, 0, 0, 0);
		lock_acquire(&all.lock);
	}
}

/**
 * notify_remove() - undo notify_add()
 * @fn: the function
 * @arg: its argument
 *
 * After the return it does not run and will not be called, but that a call in
 * which this is called goes on.
 *
 * Return: 0, or -ENOENT.
 */
int notify_remove(void (*fn)(void *arg), void *arg)
{
	struct notify *n = NULL;

	lock_acquire(&all.lock);
	if (fn)
		n = find(fn, arg);
	if (n) {
		n->fn = NULL;
		all.nr--;
		wait_for(n);
	}
	lock_release(&all.lock);
	return n ? 0 : -ENOENT;
}

/* Is there anything to be called? */
bool notify_is_wanted(void)
{
	return atomic_load_explicit(&all.nr, memory_order_relaxed);
}

static void run(const struct notify *n)
{
	struct notify copy = *n;

	if (!copy.fn)
		return;
	all.running = n;
	all.runner = thread_id();
	lock_release(&all.lock);
	copy.fn(copy.arg);
	lock_acquire(&all.lock);
	all.running = NULL;
	all.nr_calls++;
	all.nr_done++;
	sys_call(SYS_futex, (long)&all.nr_done, FUTEX_WAKE_PRIVATE, INT_MAX, 0,
		 0, 0);
}

/* Call them all, one after another. */
void notify_all(void)
{
	lock_acquire(&all.lock);
	for (unsigned int i = 0; i < MAX_NOTIFIES; i++)
		run(&all.slot[i]);
	lock_release(&all.lock);
}

/* Calls so far. */
u64 notify_calls(void)
{
	return all.nr_calls;
}

void notify_before_fork(void)
{
	lock_acquire(&all.lock);
}

void notify_after_fork_parent(void)
{
	lock_release(&all.lock);
}

/* The thread that ran one is not here, unless it is the one that forked. */
void notify_after_fork_child(void)
{
	lock_reset(&all.lock);
	all.running = NULL;
}
