// SPDX-License-Identifier: MIT
/*
 * The thread that purges, rebuilds and listens in the background.
 *
 * It is a pthread with all signals blocked.  It is started from a slow path,
 * holding no lock, when there is enough to purge; a process that never has that
 * much never gets one.  It ends by itself after a while without work, and when
 * all other threads have ended.
 */
#include "heap/background.h"

#include <pthread.h>
#include <signal.h>

#include "heap/notify.h"
#include "heap/press.h"
#include "heap/pressure.h"
#include "heap/process.h"
#include "heap/reclaim.h"
#include "hpheap/collapse.h"
#include "hpheap/limit.h"
#include "hpheap/prefault.h"
#include "hpheap/purge.h"
#include "hpheap/refold.h"
#include "hpheap/rejoin.h"
#include "hpheap/space.h"
#include "hpheap/start.h"
#include "os/alone.h"
#include "os/sys.h"
#include "rt/conf.h"

enum {
	BACKGROUND_FROM = 16 << 20, /* bytes dirty, */
	/* or in use, since the process may never allocate again: */
	BACKGROUND_AHEAD = 128 << 20,
	BACKGROUND_AHEAD_THREADED = 32 << 20, /* one more changes little */
	BACKGROUND_MS = 50,
	BACKGROUND_MAX_MS = 200,
	BACKGROUND_IDLE_ROUNDS = 100, /* 20 s */
	BACKGROUND_STEPS = 64,
	REFOLD_MS = 250,
	COLLAPSE_STEPS = 8, /* huge pages copied a round */
	WALK_SHARE = 25, /* times as long as a walk in vain took, before the next */
	RECLAIM_MIN_MS = 2000,
	FOLLOW_MS = 3000,	      /* looks at the limit of the cgroup */
	LAST_MS = 1000,		      /* looks whether it is alone */
	WATCH_MS = 2000,	      /* idle, but to hear of pressure */
	BACKGROUND_STACK = 256 << 10, /* the program's functions run on it */
	RETRY_MS = 1000,	      /* after it could not be started */
};

static struct {
	_Atomic bool is_running;
	_Atomic u64 retry_ms; /* it could not be started: not before then */
} background;

/* How soon the next round should come. */
enum pace {
	PACE_REST, /* there was nothing to do */
	PACE_WORK,
	PACE_HURRY, /* there is more that is due */
};

static enum pace worked(bool has_worked)
{
	return has_worked ? PACE_WORK : PACE_REST;
}

static enum pace purge_node(struct hpheap *h, u64 now)
{
	switch (purge_tick(h, now, BACKGROUND_STEPS)) {
	case PURGE_MORE:
		return PACE_HURRY;
	case PURGE_WAITING:
	case PURGE_DONE:
		return PACE_WORK;
	default:
		return PACE_REST;
	}
}

static enum pace purge_round(u64 now)
{
	enum pace pace = PACE_REST;

	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h)) {
		pace = max_size(pace, purge_node(h, now));
		start_grow_up(h);
		pace = max_size(pace,
				worked(collapse_run(h, COLLAPSE_STEPS) > 0));
		pace = max_size(pace, worked(prefault_tick(h)));
	}
	return pace;
}

/* Has @period_ms gone by since *@last?  Then *@last is now. */
static bool is_time(u64 *last, u64 now, u64 period_ms)
{
	if (now - *last < period_ms)
		return false;
	*last = now;
	return true;
}

/* When what is not done in every round was last done. */
struct rounds {
	u64 refold_ms;
	u64 settle_ms;
	u64 reclaim_ms;
	u64 walk_ms; /* how long that took in vain... */
	size_t walk_bytes; /* ...with so much in use */
	bool has_settled; /* something to walk for since */
	u64 follow_ms;
	u64 last_ms;
};

/*
 * What is free should be so early, for the decay time to begin.  Where a heap has
 * come to rest slabs are next.
 */
static void settle_round(struct rounds *r, u64 now)
{
	if (conf.dirty_decay_ms >= 0 &&
	    is_time(&r->settle_ms, now, conf.dirty_decay_ms / RECLAIM_LOOKS) &&
	    reclaim_settle(now))
		r->has_settled = true;
}

/* Bytes in runs. */
static size_t in_use(void)
{
	size_t used = 0;

	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h))
		used += hpheap_used(h);
	return used;
}

/* How long a walk in vain would take now. */
static u64 vain_ms(const struct rounds *r)
{
	size_t used = min_size(in_use(), r->walk_bytes);

	return r->walk_ms ? r->walk_ms * used / r->walk_bytes : 0;
}

/* A walk is due, and those in vain are a small part of the time. */
static bool is_walk_due(const struct rounds *r, u64 now)
{
	u64 since = now - r->reclaim_ms;
	u64 period = max_size(2 * conf.dirty_decay_ms, RECLAIM_MIN_MS);

	return conf.dirty_decay_ms >= 0 && since >= WALK_SHARE * vain_ms(r) &&
	       (r->has_settled || since >= period);
}

/* What slabs and tables have to spare; slabs must rest from walk to walk. */
static bool reclaim_round(struct rounds *r, u64 now)
{
	bool has_worked;

	if (!is_walk_due(r, now))
		return false;
	r->reclaim_ms = now;
	r->has_settled = false;
	has_worked = reclaim_slabs(RECLAIM_SPARSE) > 0;
	while (space_trim())
		has_worked = true;
	r->walk_ms = has_worked ? 0 : os_now_ms() - now;
	r->walk_bytes = max_size(in_use(), 1);
	return has_worked;
}

static bool refold_round(struct rounds *r, u64 now)
{
	if (!refold_is_pending())
		return false;
	if (is_time(&r->refold_ms, now, REFOLD_MS))
		refold_run();
	return true;
}

static enum pace background_round(struct rounds *r)
{
	u64 now = os_now_ms();
	enum pace pace;

	if (limit_is_relative() && is_time(&r->follow_ms, now, FOLLOW_MS))
		limit_follow("");
	settle_round(r, now);
	pace = purge_round(now);
	pace = max_size(pace, worked(press_tick(now)));
	pace = max_size(pace, worked(refold_round(r, now)));
	pace = max_size(pace, worked(rejoin_tick(now)));
	return max_size(pace, worked(reclaim_round(r, now)));
}

/*
 * Is the thread to stay where there is nothing to purge?  Where pressure is to
 * be heard of; and while there is much that could be freed, since free() can't
 * start it.
 */
static bool is_watching(void)
{
	return notify_is_wanted() || pressure_is_wanted() ||
	       in_use() > BACKGROUND_FROM;
}

/*
 * The sleep of a thread that has had nothing to do for long: no longer than
 * what is freed meanwhile may stay.
 */
static long watch_ms(void)
{
	if (conf.dirty_decay_ms < 0)
		return WATCH_MS;
	return max_size(min_size(conf.dirty_decay_ms, WATCH_MS),
			BACKGROUND_MAX_MS);
}

/*
 * Have all of the program's threads ended?  Then this one must: the process ends
 * with its last thread, and no signal but SIGKILL reaches this one.  The kernel
 * is asked, since some end without a word (clone(2), exit(2)).
 */
static bool is_last(struct rounds *r)
{
	return is_time(&r->last_ms, os_now_ms(), LAST_MS) && os_is_alone();
}

/*
 * How long to sleep after so many rounds without work.  For the decay time there
 * may be some soon.
 */
static long pause_ms(unsigned int idle)
{
	if (idle > BACKGROUND_IDLE_ROUNDS)
		return watch_ms();
	if (idle * BACKGROUND_MS <= conf.dirty_decay_ms)
		return BACKGROUND_MS;
	return BACKGROUND_MAX_MS;
}

/* Rounds come slower when there is nothing to do. */
static void background_run(void)
{
	struct rounds rounds = {.reclaim_ms = os_now_ms()};
	unsigned int idle = 0;

	pressure_start();
	while ((idle < BACKGROUND_IDLE_ROUNDS || is_watching()) &&
	       !is_last(&rounds)) {
		enum pace pace = background_round(&rounds);

		idle = pace == PACE_REST ? idle + 1 : 0;
		pressure_wait(pace == PACE_HURRY ? 0 : pause_ms(idle));
	}
	pressure_stop();
}

static void *background_main(void *arg)
{
	do {
		background_run();
		atomic_store(&background.is_running, false);
		/* A watcher may have come while the thread seemed to run. */
	} while (is_watching() && !os_is_alone() &&
		 !atomic_exchange(&background.is_running, true));
	return arg;
}

/* @stack: bytes; 0: what threads of the program get. */
static int create(size_t stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack)
		pthread_attr_setstacksize(&attr, stack);
	err = pthread_create(&thread, &attr, background_main, NULL);
	pthread_attr_destroy(&attr);
	if (!err)
		pthread_setname_np(thread, "ashlar");
	return err;
}

static void background_start(void)
{
	sigset_t all, old;

	process_expect_threads();
	if (atomic_exchange(&background.is_running, true))
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* Thread-local data lie on the stack, and may be larger than ours. */
	if (create(BACKGROUND_STACK) && create(0)) {
		background.retry_ms = os_now_ms() + RETRY_MS;
		background.is_running = false;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* So much is in use that much may be free before anybody looks again. */
static bool is_large(void)
{
	return in_use() > (os_is_threaded() ? BACKGROUND_AHEAD_THREADED :
					      BACKGROUND_AHEAD);
}

/* It could not be started a moment ago. */
static bool is_too_early(void)
{
	u64 retry_ms = background.retry_ms;

	return retry_ms && os_now_ms() < retry_ms;
}

/**
 * background_poke() - start the background thread if there is cause
 * @vacant: bytes in free slots of the caller's slabs
 *
 * Called now and then from slow paths, without a lock.
 */
void background_poke(size_t vacant)
{
	size_t dirty;

	if (background.is_running || conf.background_thread == BACKGROUND_OFF ||
	    is_too_early())
		return;
	dirty = vacant + purge_pending_all();
	if (conf.background_thread == BACKGROUND_ON ||
	    dirty > BACKGROUND_FROM || refold_is_pending() ||
	    limit_is_pressed() || notify_is_wanted() || pressure_is_wanted() ||
	    conf.prefault || is_large() ||
	    (limit_is_relative() && in_use() > BACKGROUND_FROM))
		background_start();
}

/**
 * background_watch() - somebody wants to hear of pressure: start the thread
 *
 * Not from inside of malloc or free.
 *
 * Return: false if there can't be one.
 */
bool background_watch(void)
{
	if (conf.background_thread == BACKGROUND_OFF)
		return false;
	background_start();
	return background.is_running;
}

/* The child has no such thread. */
void background_after_fork_child(void)
{
	background.is_running = false;
}
