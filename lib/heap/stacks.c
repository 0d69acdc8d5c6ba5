// SPDX-License-Identifier: MIT
/*
 * A stack of the cache grows as it is used: to 4 KiB worth of objects if the
 * thread just allocates, and further, to 1 MiB, if it is full and empty by
 * turns.  One that is not used for a while gives back what it holds if slabs
 * could come free by that.  All stacks of a thread together may hold tcache_max
 * bytes, more where much is in use, less where there are many threads.
 */
#include "heap/stacks.h"

#include "heap/theap.h"
#include "rt/conf.h"

enum {
	CROWD_START = 4, /* objects in a stack at first, of one of many threads */
	FEW = 8,
	SHORTEN_EVERY = 64, /* slow paths */
	FULL_STEP = 3, /* a sixteenth, doubled so many times, is half */
	LONG_BYTES = 4 << 10, /* a stack that can give room to others */
	NEAR_CLASSES = 2, /* so much larger a block may be than it need be... */
	NEAR_BYTES = 256 << 10, /* ...while its class has no more in slabs */
};

/**
 * stack_share() - how many objects move between a stack and the slabs at once
 * @t: the thread's cache
 * @c: class
 * @has_turned: it ran empty after it was full, or the other way round
 *
 * Few at first when it has turned, so that a working set of about its length
 * stays in it; then twice as many each time, up to half.
 *
 * Return: objects; 0 if there is no stack.
 */
unsigned int stack_share(struct tcache *t, unsigned int c, bool has_turned)
{
	unsigned int cap = t->cap[c], half = (cap + 1) / 2;
	unsigned int step = has_turned ? 0 : t->step[c];

	t->step[c] = min_size(step + 1, FULL_STEP);
	return min_size(half, max_size(cap / 16, FEW) << step);
}

/* Put the @nr objects that have waited longest back into slabs. */
void stack_flush(struct tcache *t, unsigned int c, unsigned int nr)
{
	theap_return(t->heap, c, t->floor[c] + t->cap[c] - nr, nr);
	tcache_drop_oldest(t, c, nr);
}

/*
 * Halve the next stack in turn that is long, so that others may grow; not often,
 * or stacks that all want to grow would do nothing else.
 */
static void shorten_one(struct tcache *t, unsigned int except)
{
	if (t->nr_slow - t->shortened_at < SHORTEN_EVERY)
		return;
	t->shortened_at = t->nr_slow;
	for (unsigned int i = 0; i < NR_CLASSES; i++) {
		unsigned int c = t->hand = (t->hand + 1) % NR_CLASSES;
		unsigned int cap = t->cap[c] / 2, nr = tcache_nr(t, c);

		if (c == except || cap * size_classes[c].size < LONG_BYTES)
			continue;
		if (nr > cap)
			stack_flush(t, c, nr - cap);
		tcache_resize(t, c, cap);
		return;
	}
}

/**
 * stack_widen() - make a stack longer if there is leave to
 * @t: the thread's cache
 * @c: class
 * @limit: objects that it may hold at most
 * @bytes: what all stacks may hold, if memory is not short
 *
 * Return: false if it stays as it is.
 */
bool stack_widen(struct tcache *t, unsigned int c, unsigned int limit,
		 size_t bytes)
{
	unsigned int cap = t->cap[c], size = size_classes[c].size;
	unsigned int start = t->heap->is_frugal ? CROWD_START : UINT_MAX;
	unsigned int want = cap ? cap * 2 + 1 : tcache_start_cap(c, start);
	size_t most = stacks_bound(bytes) / 8 * 9; /* an eighth for the last step */

	want = min_size(want, limit);
	if (want <= cap || conf.harden)
		return false;
	if (cap && t->capacity + (size_t)(want - cap) * size > most) {
		/* What is left, if it is worth the while. */
		size_t left = most > t->capacity ? most - t->capacity : 0;

		want = cap + left / size;
		if (want < cap + cap / 4 + 1) {
			shorten_one(t, c);
			return false;
		}
	}
	return tcache_resize(t, c, want);
}

/* Onto its stack, or where that has no room, into its slab. */
void stack_push(struct tcache *t, unsigned int c, void *obj)
{
	if (tcache_room(t, c))
		tcache_push_all(t, c, &obj, 1);
	else
		theap_return(t->heap, c, &obj, 1);
}

/**
 * stack_refill() - fill a share of an empty stack from slabs
 * @t: the thread's cache
 * @c: class
 * @has_turned: as for stack_share()
 *
 * Return: an object that is not in the stack, or NULL when out of memory.
 */
void *stack_refill(struct tcache *t, unsigned int c, bool has_turned)
{
	unsigned int want = max_size(stack_share(t, c, has_turned), 1);
	void *obj, **objs = t->cap[c] ? t->top[c] - want : &obj;
	unsigned int got = theap_refill(t->heap, c, objs, want);

	if (!got)
		return NULL;
	obj = objs[0];
	if (t->cap[c])
		tcache_fill(t, c, want, got);
	return obj;
}

/**
 * stack_nearest() - the class of which a block costs least
 * @t: the thread's cache
 * @c: the class that will do, above FINE_MAX; its stack is empty
 *
 * Few objects of many sizes: a slab for each class is mostly vacant, and its
 * stack is empty as often as not.  So what the next classes have is used, first
 * of the cache, then of slabs.  A class with more in slabs keeps to itself, or
 * a heap that grows would be rounded up twice.
 *
 * Return: @c or one of the next.
 */
unsigned int stack_nearest(struct tcache *t, unsigned int c)
{
	unsigned int last = min_size(c + NEAR_CLASSES, NR_CLASSES - 1);

	if (theap_class_bytes(t->heap, c) >= NEAR_BYTES)
		return c;
	for (unsigned int n = c + 1; n <= last; n++)
		if (t->swing[n] && *t->top[n])
			return n;
	if (theap_class_vacant(t->heap, c))
		return c;
	for (unsigned int n = c + 1; n <= last; n++)
		if (t->swing[n] && theap_class_vacant(t->heap, n))
			return n;
	return c;
}

/* Give back all that a stack holds, and its array. */
void stack_drop(struct tcache *t, unsigned int c)
{
	unsigned int nr = tcache_nr(t, c);

	if (nr)
		stack_flush(t, c, nr);
	tcache_resize(t, c, 0);
	t->swing[c] = SWING_NONE;
}

/*
 * A stack that stands where it stood at the last look was most likely not used
 * since.  Return: what it holds now.
 */
static unsigned int flush_if_idle(struct tcache *t, unsigned int c)
{
	unsigned int nr = tcache_nr(t, c);

	if (!nr || nr != t->seen[c] || theap_class_vacant(t->heap, c) < nr)
		return nr;
	stack_flush(t, c, nr);
	return 0;
}

/**
 * stacks_flush_idle() - give back what stacks hold that were not used
 * @t: the thread's cache; called now and then
 *
 * A few objects that a program is done with pin a slab each while they wait in
 * the cache.  That matters where the class has much vacant, so only such
 * classes are watched.
 */
void stacks_flush_idle(struct tcache *t)
{
	for (unsigned int i = 0; i < CLASS_WORDS; i++) {
		u64 slack = counter_read(&t->heap->slack[i]) & t->stacks[i];

		for (u64 m = slack; m; m &= m - 1) {
			unsigned int c = i * 64 + ctz64(m);

			t->seen[c] = t->watched[i] & m & -m ?
					     flush_if_idle(t, c) :
					     tcache_nr(t, c);
		}
		t->watched[i] = slack;
	}
}
