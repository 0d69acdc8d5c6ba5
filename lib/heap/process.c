// SPDX-License-Identifier: MIT
/*
 * Process-wide set-up and fork.
 */
#include "heap/process.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "backend/backend.h"
#include "heap/background.h"
#include "heap/hard.h"
#include "heap/notify.h"
#include "heap/pressure.h"
#include "heap/quarantine.h"
#include "heap/reclaim.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "hpheap/limit.h"
#include "hpheap/place.h"
#include "hpheap/purge.h"
#include "hpheap/refold.h"
#include "hpheap/rejoin.h"
#include "hpheap/small.h"
#include "os/sys.h"
#include "rt/conf.h"
#include "rt/meta.h"

static struct lock init_lock;
static _Atomic bool is_ready;
static bool has_failed;
static pthread_key_t exit_key;

/*
 * A byte that is 1 in this process and 0 in a child that a bare clone(2) made,
 * for as long as nobody has set it there.
 */
static char *birthmark;

static bool is_orphan(void)
{
	return !*birthmark;
}

static const struct lock_orphan_ops orphan_ops = {
	.is_orphan = is_orphan,
	.adopt = process_after_fork_child,
};

/**
 * process_expect_threads() - a second thread is about to share the heap
 *
 * Before that nobody but the caller of clone(2) can hold a lock.
 */
void process_expect_threads(void)
{
	static atomic_flag is_done = ATOMIC_FLAG_INIT;
	char *page;

	if (atomic_flag_test_and_set(&is_done))
		return;
	page = os_map(os_page_size);
	if (!page || os_advise(page, os_page_size, MADV_WIPEONFORK))
		return;
	*page = 1;
	birthmark = page;
	lock_watch_orphans(&orphan_ops);
}

static void on_thread_exit(void *arg)
{
	thread_exit(arg);
}

/**
 * process_watch_forks() - have the locks taken at a fork, from now on
 *
 * Who registers first is called last before a fork and first after it.  So this
 * has to come before all others: what they allocate in their handlers would wait
 * for ever for the locks that this thread has taken.
 */
void process_watch_forks(void)
{
	static atomic_flag is_done = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&is_done))
		pthread_atfork(process_before_fork, process_after_fork_parent,
			       process_after_fork_child);
}

static bool init_locked(void)
{
	process_watch_forks();
	os_init();
	conf_load(secure_getenv("ASHLAR_CONF"));
	if (conf.harden)
		hard_init();
	if (space_init(conf.reserve))
		return false;
	limit_init();
	place_init();
	if (pthread_key_create(&exit_key, on_thread_exit))
		return false;
	hard_begin();
	return true;
}

/**
 * process_init() - set the library up, once
 *
 * Return: false if no address space can be had; it is tried once.
 */
bool process_init(void)
{
	if (likely(atomic_load_explicit(&is_ready, memory_order_acquire)))
		return true;
	lock_acquire(&init_lock);
	if (!is_ready && !has_failed) {
		has_failed = !init_locked();
		atomic_store_explicit(&is_ready, !has_failed,
				      memory_order_release);
	}
	lock_release(&init_lock);
	return is_ready;
}

/* Let the destructor of the calling thread run with its cache. */
void process_watch_thread(void *arg)
{
	pthread_setspecific(exit_key, arg);
}

/**
 * process_purge_all() - give everything that is free back, now
 *
 * The caller's cache is emptied too, other threads keep theirs.
 *
 * Return: units given back.
 */
size_t process_purge_all(void)
{
	size_t done = 0;

	quarantine_drain();
	thread_trim(&tcache);
	for (struct theap *h = theap_next(NULL); h; h = theap_next(h))
		theap_tidy(h, 0);
	/* Slabs first: what has to be broken for it is broken once. */
	done += reclaim_slabs(RECLAIM_ALL);
	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h))
		done += purge_run(h, PURGE_ALL, UINT_MAX);
	while (space_trim())
		;
	return done;
}

void process_before_fork(void)
{
	notify_before_fork();
	pressure_before_fork();
	lock_acquire(&init_lock);
	reclaim_stop();
	theap_lock_all();
	hpheap_lock_all();
	lock_acquire(space_lock());
	lock_acquire(quarantine_lock());
	lock_acquire(meta_lock());
}

void process_after_fork_parent(void)
{
	lock_release(meta_lock());
	lock_release(quarantine_lock());
	lock_release(space_lock());
	hpheap_unlock_all();
	theap_unlock_all();
	reclaim_resume();
	lock_release(&init_lock);
	pressure_after_fork_parent();
	notify_after_fork_parent();
	/* It does not start a thread for it: a small heap is not worth one. */
	rejoin_request();
	if (!backend_has_refold())
		return;
	refold_request();
	/*
	 * Here, since a program whose caches serve all it needs takes no slow
	 * path, and would stay in small pages.  fork() holds no lock of libc
	 * that the start of a thread takes.
	 */
	background_poke(0);
}

void process_after_fork_child(void)
{
	if (birthmark)
		*birthmark = 1;
	lock_reset(meta_lock());
	hard_after_fork();
	lock_reset(space_lock());
	hpheap_reset_all();
	small_after_fork();
	theap_reset_all(tcache.heap);
	backend_after_fork();
	reclaim_resume();
	lock_reset(&init_lock);
	pressure_after_fork_child();
	notify_after_fork_child();
	thread_after_fork();
	purge_disable();
	refold_cancel();
	rejoin_cancel();
	background_after_fork_child();
}
