// SPDX-License-Identifier: MIT
/*
 * Rebuilding.  A page is broken below half full and rebuilt above seven eighths,
 * so none goes back and forth.  The copy is the kernel's (MADV_COLLAPSE, Linux
 * 6.1) and done beside the program's threads, a few pages at a time.
 */
#include "hpheap/collapse.h"

#include "backend/backend.h"
#include "hpheap/limit.h"
#include "hpheap/purge.h"
#include "hpheap/small.h"
#include "hpheap/space.h"
#include "os/sys.h"

enum {
	REBUILD_UNITS = HPAGE_UNITS / 8 * 7,
	RETRY_MS = 10000, /* after the kernel refused a page */
};

/* Units in use that hold something: not those that were given back. */
static unsigned int nr_holding(const struct hpage *hp)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < BITMAP_WORDS; i++)
		nr += popcount64(hp->used.w[i] & hp->touched.w[i]);
	return nr;
}

/**
 * collapse_is_dense() - whether a page is worth being made huge; lock held
 * @hp: a page of small ones; if the kernel just refused it, it is not
 */
bool collapse_is_dense(const struct hpage *hp)
{
	return nr_holding(hp) >= REBUILD_UNITS &&
	       (u32)os_now_ms() - hp->refused_ms > RETRY_MS;
}

/* Lock held. */
static struct hpage *candidate(struct hpheap *h)
{
	struct list *head = &h->full_broken;

	for (struct list *n = head->next; n != head; n = n->next) {
		struct hpage *hp = container_of(n, struct hpage, link);

		if (collapse_is_dense(hp))
			return hp;
	}
	return hpset_fullest(&h->sets[SET_BROKEN], REBUILD_UNITS,
			     collapse_is_dense);
}

/* Lock held.  All of it is resident now, whatever was given back before. */
static void mark_rebuilt(struct hpheap *h, struct hpage *hp)
{
	hpheap_detach(h, hp);
	hpage_fill(hp);
	hp->is_broken = false;
	hpheap_attach(h, hp);
	h->stats.nr_collapsed++;
}

/* Lock held. */
static void note_refusal(struct hpheap *h, struct hpage *hp, int err)
{
	hp->refused_ms = os_now_ms();
	h->stats.nr_refused++;
	h->stats.refused_err = err;
}

/**
 * collapse_run() - rebuild dense broken pages
 * @h: the heap
 * @max: at most so many
 *
 * The purge lock keeps the pages from being purged meanwhile; allocation and
 * free go on in them.
 *
 * Return: how many were rebuilt.
 */
unsigned int collapse_run(struct hpheap *h, unsigned int max)
{
	unsigned int done = 0;

	if (!purge_is_enabled() || limit_is_pressed() ||
	    !lock_try(&h->purge_lock))
		return 0;
	while (max--) {
		struct hpage *hp;
		int err;

		lock_acquire(&h->lock);
		hp = candidate(h);
		lock_release(&h->lock);
		if (!hp || !limit_has_room(HPAGE_SIZE))
			break;
		small_end(h, hp);
		err = backend_get(hp->backend)->collapse(
			space_addr(hpheap_index(hp) * HPAGE_UNITS), HPAGE_SIZE);
		lock_acquire(&h->lock);
		if (err)
			note_refusal(h, hp, err);
		else if (hp->is_broken)
			mark_rebuilt(h, hp);
		lock_release(&h->lock);
		done += !err;
	}
	lock_release(&h->purge_lock);
	return done;
}
