// SPDX-License-Identifier: MIT
/*
 * One queue for the process, in chunks of metadata that come and go with what
 * waits.  Its lock is held for a push and a few pops; blocks are checked and
 * released without it.
 *
 * Bound: the weights of what waits, with 16 bytes for the place of each, are at
 * most the limit, once a push is through.
 */
#include "heap/quarantine.h"

#include <string.h>

#include "rt/meta.h"

enum {
	CHUNK_PLACES = 255,
	BATCH = 16,
	FILL = 0xdf, /* eight of them are no address */
	MOST_SHARE = 2, /* of the limit, that one block may weigh */
};

typedef u64 word __attribute__((may_alias));

struct place {
	void *p;
	size_t weight;
};

struct chunk {
	struct chunk *next;
	u32 first, end; /* places in use */
	struct place places[CHUNK_PLACES];
};

static struct {
	struct lock lock;
	struct chunk *head, *tail; /* Guarded by lock. */
	_Atomic size_t bytes;	   /* Guarded by lock for writing. */
	size_t limit;		   /* Set once. */
	void (*release)(void *p);  /* Set once. */
} q;

/**
 * quarantine_init() - set up
 * @limit: bytes, 0 for no waiting at all
 * @release: takes a block that has waited
 */
void quarantine_init(size_t limit, void (*release)(void *p))
{
	q.limit = limit;
	q.release = release;
}

/* One block alone must not drive all others out. */
bool quarantine_accepts(size_t weight)
{
	return weight + sizeof(struct place) <= q.limit / MOST_SHARE;
}

/* Lock held. */
static bool append(void *p, size_t weight)
{
	struct chunk *c = q.tail;

	if (!c || c->end == CHUNK_PLACES) {
		c = meta_alloc(sizeof(*c));
		if (!c)
			return false;
		if (q.tail)
			q.tail->next = c;
		else
			q.head = c;
		q.tail = c;
	}
	c->places[c->end++] = (struct place){ p, weight };
	q.bytes += weight + sizeof(struct place);
	return true;
}

/* The one that has waited longest, or NULL; lock held. */
static void *pop(void)
{
	struct chunk *c = q.head;
	struct place *place;

	if (!c)
		return NULL;
	place = &c->places[c->first++];
	q.bytes -= place->weight + sizeof(*place);
	if (c->first == c->end) {
		q.head = c->next;
		if (!q.head)
			q.tail = NULL;
	}
	return place->p;
}

/* As pop(), for as long as more than @most bytes wait; at most @nr. */
static unsigned int pop_some(size_t most, void **ret, unsigned int nr)
{
	unsigned int n = 0;

	while (n < nr && q.bytes > most) {
		struct chunk *c = q.head;

		ret[n++] = pop();
		if (c != q.head)
			meta_free(c, sizeof(*c));
	}
	return n;
}

/* How many were released. */
static size_t shrink_to(size_t most)
{
	void *gone[BATCH];
	size_t done = 0;
	unsigned int n;

	do {
		lock_acquire(&q.lock);
		n = pop_some(most, gone, BATCH);
		lock_release(&q.lock);
		for (unsigned int i = 0; i < n; i++)
			q.release(gone[i]);
		done += n;
	} while (n == BATCH);
	return done;
}

/**
 * quarantine_push() - let a block wait
 * @p: the block
 * @weight: bytes it counts against the limit
 *
 * No lock is held.  Others are released, oldest first, as long as there is too
 * much.
 *
 * Return: false if it can't wait: it is the caller's to release then.
 */
bool quarantine_push(void *p, size_t weight)
{
	bool ok;

	if (!quarantine_accepts(weight))
		return false;
	lock_acquire(&q.lock);
	ok = append(p, weight);
	lock_release(&q.lock);
	if (ok && q.bytes > q.limit)
		shrink_to(q.limit);
	return ok;
}

/**
 * quarantine_drain() - release all that waits
 *
 * Return: how many blocks.
 */
size_t quarantine_drain(void)
{
	return shrink_to(0);
}

/* Bytes that count against the limit now. */
size_t quarantine_bytes(void)
{
	return atomic_load_explicit(&q.bytes, memory_order_relaxed);
}

/* For the fork handlers. */
struct lock *quarantine_lock(void)
{
	return &q.lock;
}

/**
 * quarantine_fill() - put the pattern of freed memory into a block
 * @p: the block
 * @len: bytes, a multiple of 8
 */
void quarantine_fill(void *p, size_t len)
{
	memset(p, FILL, len);
}

/* Is it as quarantine_fill() left it? */
bool quarantine_fill_holds(const void *p, size_t len)
{
	const word *at = p, *end = at + len / sizeof(*at);
	word wrong = 0, want;

	memset(&want, FILL, sizeof(want));
	while (at < end)
		wrong |= *at++ ^ want;
	return !wrong;
}
