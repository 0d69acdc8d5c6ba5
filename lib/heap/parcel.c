// SPDX-License-Identifier: MIT
/*
 * How parcels travel.  The inbox of a heap and the list of its emptied parcels
 * are Treiber stacks: pushed onto by compare-and-swap, and only ever emptied
 * whole, so that they have no ABA problem.
 *
 * Parcels circulate: whoever sends one takes the empties of the heap it sent it
 * to.  If nobody has taken those of the last time, the heap's owner frees those
 * of this time, so that there are never more than fit into the inboxes.
 */
#include "heap/parcel.h"

#include "heap/theap.h"
#include "rt/meta.h"

enum { LIGHTEST = 16 }; /* what a parcel counts in an inbox, in objects */

static void free_chain(struct parcel *p)
{
	while (p) {
		struct parcel *next = p->next;

		meta_free(p, sizeof(*p));
		p = next;
	}
}

/* An empty parcel; NULL when out of memory. */
struct parcel *parcel_get(struct tcache *t)
{
	struct parcel *p;

	if (!t->parcels && t->heap)
		parcel_fetch_empties(t, t->heap);
	p = t->parcels;
	if (p)
		t->parcels = p->next;
	else
		p = meta_alloc(sizeof(*p));
	return p;
}

/* The thread needs its empty parcels no more. */
void parcel_put_all(struct tcache *t)
{
	free_chain(t->parcels);
	t->parcels = NULL;
}

/* What heap @h has emptied is for @t to fill, if it has none. */
void parcel_fetch_empties(struct tcache *t, struct theap *h)
{
	/* Acquire pairs with the release in parcel_give_back(). */
	if (!t->parcels &&
	    atomic_load_explicit(&h->empties, memory_order_relaxed))
		t->parcels = atomic_exchange_explicit(&h->empties, NULL,
						      memory_order_acquire);
}

/**
 * parcel_send() - push a parcel into an inbox
 * @h: the heap
 * @p: the parcel, which is the heap's from here
 *
 * Sequentially consistent, against the caller's look at h->is_idle.
 *
 * Return: how many objects are in the inbox, at most.
 */
u32 parcel_send(struct theap *h, struct parcel *p)
{
	struct parcel *old =
		atomic_load_explicit(&h->inbox, memory_order_relaxed);
	u32 nr = max_size(p->nr, LIGHTEST);
	u32 before = atomic_fetch_add_explicit(&h->inbox_nr, nr,
					       memory_order_relaxed);

	do {
		p->next = old;
	} while (!atomic_compare_exchange_weak(&h->inbox, &old, p));
	return before + nr;
}

/**
 * parcel_take_inbox() - take all that others have freed
 * @h: the heap; the caller is its thread or holds its lock
 *
 * Return: a chain of parcels, for parcel_give_back() in the end.
 */
struct parcel *parcel_take_inbox(struct theap *h)
{
	if (!atomic_load_explicit(&h->inbox, memory_order_relaxed))
		return NULL;
	/* Not counted down one by one: the bound need not be exact. */
	atomic_store_explicit(&h->inbox_nr, 0, memory_order_relaxed);
	return atomic_exchange_explicit(&h->inbox, NULL, memory_order_acquire);
}

/**
 * parcel_give_back() - let emptied parcels be filled again
 * @h: the heap whose inbox they came from
 * @all: the chain, or NULL
 */
void parcel_give_back(struct theap *h, struct parcel *all)
{
	struct parcel *none = NULL;
	u64 nr = 0;

	if (!all)
		return;
	for (struct parcel *p = all; p; p = p->next)
		nr += p->nr;
	atomic_fetch_add_explicit(&h->nr_remote, nr, memory_order_relaxed);
	if (!atomic_compare_exchange_strong_explicit(
		    &h->empties, &none, all, memory_order_release,
		    memory_order_relaxed))
		free_chain(all);
}
