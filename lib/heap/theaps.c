// SPDX-License-Identifier: MIT
/*
 * The table of all thread heaps, and which of them have no thread.
 */
#include "heap/theap.h"

#include <string.h>

#include "cache/tcache.h"
#include "hpheap/hpheap.h"
#include "hpheap/place.h"
#include "rt/conf.h"
#include "rt/meta.h"

/*
 * So many heaps of a node that threads left last keep so many units of empty
 * slabs, for the next threads to start with.
 */
enum { HEIRS = 4, HEIR_UNITS = 128 };

static struct {
	struct lock lock;
	struct theap *idle[MAX_NODES]; /* Guarded by lock. */
	_Atomic u32 nr;	    /* Guarded by lock for writing. */
	struct theap *_Atomic heap[MAX_THEAPS]; /* by id, from 1; set once */
} table;

/* Table's lock held. */
static struct theap *theap_create(unsigned int node)
{
	u32 id = table.nr + 1;
	struct theap *h;

	if (id == MAX_THEAPS)
		return NULL;
	h = meta_alloc(sizeof(*h));
	if (!h)
		return NULL;
	h->id = id;
	h->node = node;
	list_init(&h->spare);
	atomic_store_explicit(&table.heap[id], h, memory_order_release);
	__atomic_store_n(&tcache_sized_max,
			 id == 1 && !conf.harden ? FINE_MAX : 0,
			 __ATOMIC_RELAXED);
	table.nr++;
	return h;
}

/* An idle heap of a node, or NULL; table's lock held. */
static struct theap *pop_idle(unsigned int node)
{
	struct theap *h = table.idle[node];

	if (h)
		table.idle[node] = h->next_idle;
	return h;
}

/* Table's lock held, or no other thread. */
static void push_idle(struct theap *h)
{
	h->next_idle = table.idle[h->node];
	table.idle[h->node] = h;
}

/**
 * theap_acquire() - a heap for the calling thread
 *
 * Return: the heap that a thread of this node left behind last, or a new one; of
 * another node, when there can't be more; NULL when out of memory.
 */
struct theap *theap_acquire(void)
{
	unsigned int node = min_size(place_node(), MAX_NODES - 1);
	struct theap *h;

	lock_acquire(&table.lock);
	h = pop_idle(node);
	if (!h)
		h = theap_create(node);
	for (node = 0; !h && node < MAX_NODES; node++)
		h = pop_idle(node);
	lock_release(&table.lock);
	if (h)
		atomic_store(&h->is_idle, false);
	return h;
}

/**
 * theap_release() - a thread leaves its heap
 * @h: the heap; the thread has returned what its cache held
 */
void theap_release(struct theap *h)
{
	/* Whoever fills the inbox after this empties it himself. */
	atomic_store(&h->is_idle, true);
	theap_tidy(h, HEIR_UNITS);
	lock_acquire(&table.lock);
	push_idle(h);
	for (int i = 0; h && i < HEIRS; i++)
		h = h->next_idle;
	lock_release(&table.lock);
	/* If a thread takes it just now, it makes its slabs anew. */
	if (h)
		theap_tidy(h, 0);
}

/* The heap with an id that a map entry names. */
struct theap *theap_by_id(u32 id)
{
	return atomic_load_explicit(&table.heap[id], memory_order_acquire);
}

/* How many heaps there are. */
u32 theap_count(void)
{
	return atomic_load_explicit(&table.nr, memory_order_relaxed);
}

/* All heaps in turn, from NULL to NULL. */
struct theap *theap_next(struct theap *h)
{
	u32 id = h ? h->id + 1 : 1;

	return id < MAX_THEAPS ? theap_by_id(id) : NULL;
}

/*
 * Before a fork: no heap is in the middle of a change.  The table comes first,
 * so that no heap is made between this and theap_unlock_all(): it would be
 * unlocked without having been locked.
 */
void theap_lock_all(void)
{
	lock_acquire(&table.lock);
	for (struct theap *h = theap_next(NULL); h; h = theap_next(h))
		lock_acquire(&h->lock);
}

/* In the parent. */
void theap_unlock_all(void)
{
	for (struct theap *h = theap_next(NULL); h; h = theap_next(h))
		lock_release(&h->lock);
	lock_release(&table.lock);
}

/**
 * theap_reset_all() - in the child of a fork
 * @mine: the heap of the one thread that is left, or NULL
 *
 * The heaps of the others are idle now.  What their caches held is lost to the
 * child: nobody can tell how far they had come.
 */
void theap_reset_all(struct theap *mine)
{
	lock_reset(&table.lock);
	memset(table.idle, 0, sizeof(table.idle));
	for (struct theap *h = theap_next(NULL); h; h = theap_next(h)) {
		lock_reset(&h->lock);
		if (h == mine)
			continue;
		h->nr_loose = 0;
		atomic_store(&h->is_idle, true);
		push_idle(h);
	}
}
