// SPDX-License-Identifier: MIT
/*
 * The stacks of a thread cache, apart from the two fast paths that stand in
 * the API layer.  Only the owning thread calls these.
 */
#include "cache/tcache.h"

#include <string.h>

#include "rt/meta.h"

enum {
	/* One less than a power of two: the NULL has room in the array too. */
	MAX_OBJS = 32767,
	MAX_BYTES = 1 << 20,
	MISS_OBJS = 63,
	MISS_BYTES = 4 << 10,
	CROWDED_MISS_BYTES = 1 << 10,
	START_OBJS = 7,
	START_BYTES = 2 << 10,
	SHORT_LEN = 16 << 10, /* bytes of an array */
};

/* What an empty stack without an array points at. */
static void *no_objs;

#define EMPTY_STACKS \
	{ \
		[0 ... NR_CLASSES - 1] = &no_objs \
	}

__thread struct tcache tcache = {
	.top = EMPTY_STACKS,
	.floor = EMPTY_STACKS,
	.tag = (u32)NO_OWNER << ENTRY_OWNER_SHIFT,
	.remote = {[0 ... REMOTE_SLOTS - 1] = {.tag = (u32)NO_OWNER
						      << ENTRY_OWNER_SHIFT}},
};

size_t tcache_sized_max;

static unsigned int objs_of(unsigned int c, unsigned int bytes,
			    unsigned int most)
{
	return min_size(bytes / size_classes[c].size, most);
}

/* Length of a thread's first stack of a class, not above @limit. */
unsigned int tcache_start_cap(unsigned int c, unsigned int limit)
{
	return max_size(objs_of(c, START_BYTES, min_size(START_OBJS, limit)),
			1);
}

/* Length it can grow to. */
unsigned int tcache_max_cap(unsigned int c)
{
	return max_size(objs_of(c, MAX_BYTES, MAX_OBJS), 2);
}

/**
 * tcache_miss_cap() - length that a stack can grow to while it only runs empty
 * @c: class
 * @class_bytes: what the thread has in slabs of the class; an eighth of it may
 *	wait in the cache
 * @is_crowded: one of many threads; it does not even keep one object of a size
 *	above what it may keep
 */
unsigned int tcache_miss_cap(unsigned int c, size_t class_bytes,
			     bool is_crowded)
{
	size_t bytes = max_size(MISS_BYTES, min_size(class_bytes / 8, MAX_BYTES));

	if (is_crowded)
		return objs_of(c, CROWDED_MISS_BYTES, MISS_OBJS);
	return max_size(objs_of(c, bytes, MAX_OBJS), 1);
}

/*
 * Bytes of an array.  A long one is as long as the class's can become: it grows
 * in place, and only as much of it is backed as was ever used.
 */
static size_t array_len(unsigned int c, unsigned int cap)
{
	size_t len = (cap + 1) * sizeof(void *);

	if (len <= SHORT_LEN)
		return len;
	return (tcache_max_cap(c) + 1) * sizeof(void *);
}

/* The word above the last object of a stack with an array. */
static void **end_of(const struct tcache *t, unsigned int c)
{
	return t->floor[c] + t->cap[c];
}

static void free_array(struct tcache *t, unsigned int c)
{
	size_t len = array_len(c, t->cap[c]);

	meta_free(end_of(t, c) + 1 - len / sizeof(void *), len);
}

/* The end of an array for @cap objects, of which it has those of the stack. */
static void **move_to_new(const struct tcache *t, unsigned int c,
			  unsigned int cap)
{
	size_t len = array_len(c, cap);
	unsigned int nr = tcache_nr(t, c);
	void **array = meta_alloc_raw(len), **end;

	if (!array)
		return NULL;
	end = array + len / sizeof(void *) - 1;
	*end = NULL;
	memcpy(end - nr, t->top[c], nr * sizeof(void *));
	return end;
}

/**
 * tcache_resize() - change the length of a stack
 * @t: the thread's cache
 * @c: class
 * @cap: objects it shall hold; not below what it holds; 0 frees the array
 *
 * Return: false, and nothing is changed, when out of memory.
 */
bool tcache_resize(struct tcache *t, unsigned int c, unsigned int cap)
{
	unsigned int old = t->cap[c], nr = tcache_nr(t, c);
	bool stays = old && cap && array_len(c, old) == array_len(c, cap);
	void **end = stays ? end_of(t, c) : &no_objs;

	assert(nr <= cap);
	if (cap && !stays) {
		end = move_to_new(t, c, cap);
		if (!end)
			return false;
	}
	if (old && !stays)
		free_array(t, c);
	t->floor[c] = end - cap;
	t->top[c] = end - nr;
	t->cap[c] = cap;
	t->stacks[c / 64] &= ~(1ULL << (c % 64));
	t->stacks[c / 64] |= (u64)!!cap << (c % 64);
	t->capacity += ((size_t)cap - old) * size_classes[c].size;
	return true;
}

/* How many more objects a stack takes. */
unsigned int tcache_room(const struct tcache *t, unsigned int c)
{
	return t->top[c] - t->floor[c];
}

/**
 * tcache_push_all() - add objects, the first on top
 * @t: the thread's cache
 * @c: class
 * @objs: the objects
 * @nr: how many; there is room
 */
void tcache_push_all(struct tcache *t, unsigned int c, void **objs,
		     unsigned int nr)
{
	assert(nr <= tcache_room(t, c));
	t->top[c] -= nr;
	memcpy(t->top[c], objs, nr * sizeof(void *));
}

/**
 * tcache_fill() - an empty stack has been filled, but for the first object
 * @t: the thread's cache
 * @c: class
 * @room: words below the top from which on the objects were put
 * @nr: how many; the first, which goes elsewhere, is not pushed
 */
void tcache_fill(struct tcache *t, unsigned int c, unsigned int room,
		 unsigned int nr)
{
	void **objs = t->top[c] - room;

	assert(!tcache_nr(t, c) && nr && nr <= room);
	t->top[c] -= nr - 1;
	if (nr < room) /* out of memory on the way */
		memmove(t->top[c], objs + 1, (nr - 1) * sizeof(void *));
}

/**
 * tcache_drop_oldest() - forget the objects that have waited longest
 * @t: the thread's cache
 * @c: class
 * @nr: how many; they stand at floor + cap - nr and are the caller's now
 */
void tcache_drop_oldest(struct tcache *t, unsigned int c, unsigned int nr)
{
	unsigned int keep = tcache_nr(t, c) - nr;

	memmove(t->top[c] + nr, t->top[c], keep * sizeof(void *));
	t->top[c] += nr;
}
