// SPDX-License-Identifier: MIT
/*
 * What heaps do not need goes back to the node's heap, and what is vacant inside
 * their slabs to the kernel, in a walk over all huge pages: see vacate.c.
 *
 * Asked for everything, it takes everything; otherwise what is in huge pages of
 * which less than half holds anything, where nothing came or went in the slab
 * since the last walk, or in the heap for the decay time.
 */
#include "heap/reclaim.h"

#include "heap/theap.h"
#include "heap/vacate.h"
#include "hpheap/hpheap.h"
#include "hpheap/purge.h"
#include "rt/conf.h"

static struct lock reclaim_lock; /* one walk at a time; outermost */
static _Atomic bool is_stopping; /* somebody waits for the walk to end */

/*
 * What a heap does not need goes if nothing came and went since the last look.
 * Return: bytes vacant, if the heap has rested for the decay time by now.
 */
static size_t settle_if_quiet(struct theap *h, u64 now_ms)
{
	bool is_quiet, was_settled;
	size_t vacant = 0;

	lock_acquire(&h->lock);
	is_quiet = h->seen_turns == theap_turns(h);
	was_settled = h->is_settled;
	if (!is_quiet || atomic_load(&h->inbox))
		h->rest_ms = now_ms;
	if (is_quiet) {
		theap_drain(h);
		theap_trim(h, 0);
	}
	h->seen_turns = theap_turns(h);
	h->is_settled = now_ms - h->rest_ms >=
			(u64)decay_span(conf.dirty_decay_ms);
	if (h->is_settled && !was_settled)
		vacant = h->slab_bytes - theap_used(h);
	lock_release(&h->lock);
	return vacant;
}

/**
 * reclaim_settle() - heaps that are quiet keep no empty slabs
 * @now_ms: monotonic time
 *
 * The thread of such a heap sleeps, or its cache is enough for it.  What others
 * have freed goes into its slabs, too.
 *
 * Return: true if some have come to rest and so much is vacant in their slabs
 * or dirty anywhere that it is worth a look.
 */
bool reclaim_settle(u64 now_ms)
{
	size_t vacant = 0;

	lock_acquire(&reclaim_lock);
	for (struct theap *h = theap_next(NULL); h; h = theap_next(h))
		vacant += settle_if_quiet(h, now_ms);
	lock_release(&reclaim_lock);
	/* There may be huge pages to break for what is dirty. */
	return vacant && vacant + purge_pending_all() >= HPAGE_SIZE;
}

/**
 * reclaim_slabs() - give vacant base pages of slabs back
 * @how: from sparse huge pages, or all
 *
 * Return: units given back.
 */
size_t reclaim_slabs(enum reclaim_how how)
{
	size_t end = space_end_hpage(), done = 0;

	if (!purge_is_enabled())
		return 0;
	lock_acquire(&reclaim_lock);
	for (size_t i = space_first_hpage(); i < end && !is_stopping; i++)
		done += vacate_hpage(i, how);
	lock_release(&reclaim_lock);
	return done;
}

/* Before a fork: end a walk, soon, and keep others from starting. */
void reclaim_stop(void)
{
	is_stopping = true;
	lock_acquire(&reclaim_lock);
}

/* After it, in parent and child. */
void reclaim_resume(void)
{
	is_stopping = false;
	lock_release(&reclaim_lock);
}
