// SPDX-License-Identifier: MIT
/*
 * Threads come, run out of cached objects, have too many of them, and go.
 */
#include "heap/thread.h"

#include <errno.h>

#include "heap/background.h"
#include "heap/large.h"
#include "heap/misuse.h"
#include "heap/mixing.h"
#include "heap/parcel.h"
#include "heap/press.h"
#include "heap/process.h"
#include "heap/remote.h"
#include "heap/runs.h"
#include "heap/stacks.h"
#include "heap/theap.h"
#include "hpheap/limit.h"
#include "hpheap/place.h"
#include "hpheap/purge.h"
#include "os/sys.h"
#include "rt/conf.h"

enum {
	MAX_SPARE_UNITS = 128, /* empty slabs a heap may keep, and at least */
	MIN_SPARE_UNITS = 4,
	CROWD = 32,	   /* more threads than this must be frugal */
	SPARE_THREADS = 8, /* so many threads may keep the most */
	FULL_SHARE_THREADS = 64, /* so many threads get tcache_max each */
	TICK_EVERY = 64, /* slow paths */
	BUDGET_PART = 4,  /* what a thread has in use, by what may wait... */
	BUDGET_TIMES = 4, /* ...and by how many shares, at most */
};

static _Atomic u32 nr_threads;

u32 thread_count(void)
{
	return atomic_load_explicit(&nr_threads, memory_order_relaxed);
}

/* Bytes that each thread's cache may hold. */
static size_t share_of_caches(void)
{
	size_t n = max_size(thread_count(), FULL_SHARE_THREADS);

	return max_size(conf.tcache_max * FULL_SHARE_THREADS / n, LEAST_BUDGET);
}

/* Bytes of the slots and runs that the thread has, cached slots too. */
static size_t in_use(struct theap *h)
{
	/* Below 0 where it frees what others allocate. */
	ptrdiff_t large = counter_read(&h->large.bytes);

	return theap_used(h) + (large > 0 ? large : 0);
}

/*
 * How much a thread may hold depends on how many there are, and on what it has
 * in use.
 */
static void set_habits(struct tcache *t)
{
	struct theap *h = t->heap;
	unsigned int n = MAX_SPARE_UNITS * SPARE_THREADS /
			 max_size(thread_count(), SPARE_THREADS);

	n = limit_is_pressed() ? 0 : max_size(n, MIN_SPARE_UNITS);
	atomic_store_explicit(&h->max_spare, n, memory_order_relaxed);
	atomic_store_explicit(&h->is_frugal, thread_count() > CROWD,
			      memory_order_relaxed);
	t->share = t->budget = share_of_caches();
	if (!h->is_frugal)
		t->budget = max_size(t->share,
				     min_size(in_use(h) / BUDGET_PART,
					      BUDGET_TIMES * t->share));
}

/* A heap of the node that the thread is on.  False: there is none. */
static bool take_heap(struct tcache *t)
{
	struct theap *h = theap_acquire();

	if (!h)
		return false;
	t->heap = h;
	t->tag = h->id << ENTRY_OWNER_SHIFT;
	set_habits(t);
	return true;
}

/* Give the thread a heap.  False: it must do without. */
static bool attach(struct tcache *t)
{
	if (t->state == TCACHE_EXITED || !process_init())
		return false;
	if (!take_heap(t))
		return false;
	t->state = TCACHE_LIVE;
	if (atomic_fetch_add_explicit(&nr_threads, 1, memory_order_relaxed))
		process_expect_threads();
	process_watch_thread(t);
	return true;
}

/* The stack of class @c is full: make room, or put @obj into its slab. */
static noinline void take_over(struct tcache *t, unsigned int c, void *obj)
{
	if (!stack_widen(t, c, tcache_max_cap(c), t->budget) && t->cap[c])
		stack_flush(t, c, stack_share(t, c, false));
	stack_push(t, c, obj);
}

static inline u32 entry_of_own(const struct tcache *t, const void *obj)
{
	u32 entry = space_load(obj);

	if (unlikely((entry ^ t->tag) >= NR_CLASSES) &&
	    (entry ^ t->tag) != CLASS_MIXED)
		misuse_die(MISUSE_DOUBLE, obj); /* freed since, and gone */
	return entry;
}

/* As many objects as are of one class go onto their stack together. */
static void unpack(struct tcache *t, struct parcel *p)
{
	void **at = p->objs, **end = at + p->nr;

	while (at < end) {
		u32 entry = entry_of_own(t, *at);
		unsigned int c;
		void **top, **stop;
		size_t nr;

		if (unlikely((u8)entry == CLASS_MIXED) &&
		    !mixing_is_calm(t->heap)) {
			mixing_free(t->heap, *at++);
			continue;
		}
		c = slab_object_class(entry, *at);
		top = t->top[c];
		nr = min_size(end - at, tcache_room(t, c));
		stop = at + nr;
		if (unlikely(!nr)) {
			take_over(t, c, *at++);
			continue;
		}
		/* Of a mixed slab the next one may be of another class. */
		if (unlikely((u8)entry == CLASS_MIXED))
			stop = at + 1;
		do
			*--top = *at++;
		while (at != stop && space_low(*at) == entry);
		t->top[c] = top;
	}
}

/*
 * What others have freed goes into the cache, as far as there is room, and into
 * slabs beyond.
 */
static void take_foreign(struct tcache *t)
{
	struct parcel *all = parcel_take_inbox(t->heap);

	for (struct parcel *p = all; p; p = p->next)
		unpack(t, p);
	parcel_give_back(t->heap, all);
}

/* A thread without a heap of its own: from any, one object at a time. */
static void *alloc_homeless(unsigned int c)
{
	struct theap *h;
	void *obj;

	if (!process_init())
		return NULL;
	h = theap_next(NULL);
	if (!h) {
		h = theap_acquire();
		if (!h)
			return NULL;
		theap_release(h);
	}
	return theap_refill(h, c, &obj, 1) ? obj : NULL;
}

static bool tick_is_due(struct tcache *t)
{
	return unlikely(!(++t->nr_slow % TICK_EVERY) || limit_is_pressed());
}

static noinline void tick(struct tcache *t)
{
	struct hpheap *h;

	if (t->heap) {
		set_habits(t);
		stacks_flush_idle(t);
		runs_review(&t->runs, stacks_bound(t->budget));
	}
	press_shrink(t);
	h = hpheap_get(place_node());
	if (h)
		purge_slice(h, os_now_ms());
}

/**
 * thread_tick() - what has to be done now and then
 * @t: the thread's cache; no lock is held
 */
void thread_tick(struct tcache *t)
{
	if (tick_is_due(t))
		tick(t);
}

/**
 * thread_tick_alloc() - the same on the way of an allocation
 * @t: the thread's cache; no lock is held
 *
 * Only here is the background thread started: libc calls free() with the lock
 * held that the start of a thread needs.
 */
void thread_tick_alloc(struct tcache *t)
{
	if (!tick_is_due(t))
		return;
	tick(t);
	background_poke(t->heap ? theap_vacant(t->heap) : 0);
}

/* An object when the cache has none of the class. */
static inline void *alloc(unsigned int c, bool may_be_larger)
{
	struct tcache *t = &tcache;
	unsigned int n = c;
	bool has_turned;
	void *obj;

	if (t->state != TCACHE_LIVE && !attach(t))
		return alloc_homeless(c);
	stack_widen(t, c,
		    tcache_miss_cap(c, theap_class_bytes(t->heap, c),
				    t->heap->is_frugal),
		    t->share);
	has_turned = t->swing[c] == SWING_FULL;
	if (has_turned)
		t->swing[c] = SWING_FULL_EMPTY;
	t->is_shut = false;
	/* The set-up itself may have allocated, too. */
	take_foreign(t);
	if (may_be_larger && !*t->top[c])
		n = stack_nearest(t, c);
	if (*t->top[n])
		return *t->top[n]++;
	obj = stack_refill(t, n, has_turned);
	if (unlikely(!obj) && press_relieve())
		obj = stack_refill(t, c, has_turned);
	if (unlikely(!obj)) {
		press_refused();
		return NULL;
	}
	thread_tick_alloc(t);
	return obj;
}

/**
 * thread_alloc() - an object when the cache has none
 * @c: class
 *
 * Return: the object, or NULL when out of memory.
 */
void *thread_alloc(unsigned int c)
{
	return alloc(c, false);
}

/**
 * thread_alloc_near() - the same, or above FINE_MAX one of a class a little larger
 * @c: class
 *
 * Return: the object, or NULL when out of memory.
 */
void *thread_alloc_near(unsigned int c)
{
	return alloc(c, c >= NR_FINE);
}

/**
 * thread_alloc_aligned() - the same, when there may be objects of mixed slabs
 * @c: class
 * @align: alignment, a divisor of the size of the class
 *
 * What is not aligned goes back, and the heap it was of gives out no more such
 * objects of the class.
 *
 * Return: the object, or NULL when out of memory.
 */
void *thread_alloc_aligned(unsigned int c, size_t align)
{
	struct tcache *t = &tcache;
	unsigned int nr;
	void *p;

	for (;;) {
		struct theap *h;

		p = *t->top[c] ? *t->top[c]++ : thread_alloc(c);
		if (!p || !((uintptr_t)p & (align - 1)))
			return p;
		h = theap_by_id(space_low(p) >> ENTRY_OWNER_SHIFT);
		mixing_align(h, c);
		theap_return(h, c, &p, 1);
		nr = tcache_nr(t, c);
		if (nr)
			stack_flush(t, c, nr);
	}
}

/*
 * A thread may be about to sleep: what its cache holds then would pin a slab for
 * every few objects.  When nearly all that it had is free it gives the rest back;
 * what it frees after that goes past the cache, until it allocates again.  One
 * of many is done sooner.
 */
static bool is_done(struct tcache *t)
{
	size_t times = t->heap->is_frugal ? 2 : BUDGET_PART * BUDGET_TIMES;
	size_t used = theap_used(t->heap), share = stacks_bound(t->share);

	if (used > times * share)
		t->was_large = true;
	return t->was_large && used <= max_size(share, t->capacity);
}

/* The cache is full. */
static void free_own(struct tcache *t, unsigned int c, void *p)
{
	bool is_frugal = t->heap->is_frugal;
	bool has_turned = t->swing[c] == SWING_FULL_EMPTY;

	if (has_turned || (!t->cap[c] && !is_frugal && !t->is_shut))
		stack_widen(t, c, tcache_max_cap(c), t->budget);
	t->swing[c] = SWING_FULL;
	if (!tcache_room(t, c) && is_done(t)) {
		thread_trim(t);
		t->was_large = false;
		t->is_shut = true;
	}
	if (!tcache_room(t, c) && t->cap[c])
		stack_flush(t, c, stack_share(t, c, has_turned));
	stack_push(t, c, p);
	thread_tick(t);
}

/* The map does not tell its class, so the fast path could not. */
static void free_mixed(struct tcache *t, void *p)
{
	unsigned int c;

	if (!mixing_is_calm(t->heap)) {
		mixing_free(t->heap, p);
		thread_tick(t);
		return;
	}
	c = size_class_of(mixed_size(p));
	if (tcache_room(t, c))
		tcache_push_all(t, c, &p, 1);
	else
		free_own(t, c, p);
}

static void free_small(struct tcache *t, u64 entry, void *p)
{
	u32 class = (u32)entry ^ t->tag;

	if (t->state != TCACHE_LIVE && !attach(t))
		remote_free_now(entry, p);
	else if (class < NR_CLASSES)
		free_own(t, class, p);
	else if (class == CLASS_MIXED)
		free_mixed(t, p);
	else
		remote_free(t, entry, p);
}

/* One of many threads, or one whose destructor has run, keeps none. */
static void free_large(struct tcache *t, u64 entry, void *p)
{
	bool may_keep = (t->state == TCACHE_LIVE || attach(t)) &&
			!t->heap->is_frugal;
	struct span *s = large_end(entry, p);

	if (!may_keep || !runs_keep(&t->runs, s, stacks_bound(t->budget)))
		large_release(s);
}

/**
 * thread_free() - free what the fast path could not
 * @p: the block; NULL is nothing
 */
void thread_free(void *p)
{
	struct tcache *t = &tcache;
	u64 entry;

	if (!p)
		return;
	entry = space_load(p);
	if ((u8)entry == CLASS_LARGE) {
		free_large(t, entry, p);
		thread_tick(t);
	} else if (entry) {
		free_small(t, entry, p);
	} else {
		misuse_die(MISUSE_INVALID, p);
	}
}

/* What a cache holds goes to where it belongs. */
static void empty(struct tcache *t)
{
	remote_flush_all(t);
	for (unsigned int c = 0; c < NR_CLASSES; c++)
		stack_drop(t, c);
	runs_flush(&t->runs);
	mixing_flush(t->heap);
}

/**
 * thread_trim() - return all that a cache holds, and keep no empty slab
 * @t: the thread's own cache
 */
void thread_trim(struct tcache *t)
{
	if (t->state != TCACHE_LIVE)
		return;
	empty(t);
	theap_tidy(t->heap, 0);
}

/**
 * thread_set_node() - choose the node of which a thread takes memory
 * @t: the thread's own cache
 * @node: the node, or -1: as the option "numa" says
 *
 * The thread goes on with a heap of that node.  What it has stays where it is.
 *
 * Return: 0 or -errno, and then nothing has changed: see place_bind(); -ENOMEM
 * there is no heap.
 */
int thread_set_node(struct tcache *t, int node)
{
	struct theap *was;
	int err, chosen = place_chosen();

	if (t->state != TCACHE_LIVE && !attach(t))
		return -ENOMEM;
	err = place_bind(node);
	if (err || t->heap->node == place_node())
		return err;
	empty(t);
	was = t->heap;
	if (!take_heap(t)) {
		place_bind(chosen);
		return -ENOMEM;
	}
	theap_release(was);
	return 0;
}

/**
 * thread_exit() - the thread ends
 * @t: its cache
 *
 * What is freed after this, by later destructors and by libc, goes straight to
 * the owners.
 */
void thread_exit(struct tcache *t)
{
	if (t->state != TCACHE_LIVE)
		return;
	empty(t);
	t->tag = (u32)NO_OWNER << ENTRY_OWNER_SHIFT;
	t->state = TCACHE_EXITED;
	theap_release(t->heap);
	t->heap = NULL;
	atomic_fetch_sub_explicit(&nr_threads, 1, memory_order_relaxed);
}

/* One thread is left. */
void thread_after_fork(void)
{
	atomic_store_explicit(&nr_threads, tcache.state == TCACHE_LIVE,
			      memory_order_relaxed);
}
