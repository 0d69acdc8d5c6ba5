// SPDX-License-Identifier: MIT
/*
 * A walk over the slabs of all heaps, for memory that goes back part by part;
 * see lib/heap/breaking.c for the other kind.  It takes the slabs of one class
 * and fullness out of their list, so that it meets each once; a slab with
 * vacant units is held, which keeps their objects from being handed out, while
 * the kernel takes the units back without the heap's lock.
 *
 * Asked for everything, it takes everything.  Otherwise it walks twice: first
 * to count what is vacant in each huge page, then to give that back where less
 * than half of the huge page holds anything, and nothing came or went in the
 * slab since the last time, or in the heap for the decay time.
 */
#include "heap/reclaim.h"

#include "heap/breaking.h"
#include "heap/theap.h"
#include "hpheap/hpheap.h"
#include "hpheap/purge.h"
#include "rt/conf.h"

enum { BATCH = 32, DENSE_UNITS = HPAGE_UNITS / 2 };

enum walk { WALK_COUNT, WALK_SPARSE, WALK_ALL };

struct held {
	struct slab *slab;
	u32 units;
};

static struct lock reclaim_lock; /* one walk at a time; outermost */
static _Atomic bool is_stopping; /* somebody waits for the walk to end */

/* Is the huge page of a slab sparse, or broken anyway? */
static bool is_sparse(size_t hpage)
{
	struct hpage_view hp;

	return hpheap_look(hpage, &hp) &&
	       (hp.is_broken ||
		hp.nr_used < DENSE_UNITS + space.hpages[hpage].nr_hollow);
}

static u64 turns_of(const struct theap *h)
{
	return h->nr_refills + h->nr_flushes;
}

/* Has nothing come or gone since it was found to be at rest?  Lock held. */
static bool is_at_rest(const struct theap *h)
{
	return h->is_settled && h->seen_turns == turns_of(h);
}

/* Is it worth it, or just to be counted?  Heap's lock held. */
static bool is_wanted(struct theap *h, struct slab *s, u32 units,
		      enum walk walk)
{
	size_t hpage = s->span.unit / HPAGE_UNITS;
	bool is_quiet;

	if (walk == WALK_COUNT)
		space.hpages[hpage].nr_hollow += popcount64(units | s->hollow);
	if (!units || hpheap_hollow_how(s->span.unit) != HOLLOW_PARTS)
		return false;
	switch (walk) {
	case WALK_COUNT:
		return false;
	case WALK_SPARSE:
		is_quiet = is_at_rest(h) || s->seen_free == s->nr_free;
		s->seen_free = s->nr_free;
		return is_quiet && is_sparse(hpage);
	default:
		return true;
	}
}

/* Parts of slabs on their way back. */
struct parts {
	struct hollow part[HOLLOW_MAX];
	unsigned int nr;
};

static void add_part(struct parts *p, size_t unit, unsigned int nr_units)
{
	if (p->nr == HOLLOW_MAX) {
		hpheap_hollow(p->part, p->nr);
		p->nr = 0;
	}
	p->part[p->nr++] = (struct hollow){unit, nr_units};
}

/* Units of a slab, run by run. */
static void add_parts(struct parts *p, const struct held *held)
{
	for (u64 m = held->units; m;) {
		unsigned int first = ctz64(m);
		unsigned int len = ctz64(~(m >> first));

		add_part(p, held->slab->span.unit + first, len);
		m &= ~(((1ULL << len) - 1) << first);
	}
}

/* Heap's lock held; it is released on the way. */
static size_t flush(struct theap *h, struct held *batch, unsigned int nr)
{
	struct parts parts = {.nr = 0};
	size_t done = 0;

	lock_release(&h->lock);
	for (unsigned int i = 0; i < nr; i++) {
		add_parts(&parts, &batch[i]);
		done += popcount64(batch[i].units);
	}
	hpheap_hollow(parts.part, parts.nr);
	lock_acquire(&h->lock);
	for (unsigned int i = 0; i < nr; i++) {
		slab_unhold(batch[i].slab, batch[i].units, true);
		theap_place(h, batch[i].slab);
	}
	return done;
}

/* Slabs of one class and level. */
static size_t walk_list(struct theap *h, struct hlist **head, enum walk walk)
{
	struct held batch[BATCH];
	struct hlist *todo;
	unsigned int nr = 0;
	size_t done = 0;

	lock_acquire(&h->lock);
	todo = *head;
	*head = NULL;
	if (todo)
		todo->at = &todo;
	while (todo && !is_stopping) {
		struct slab *s = container_of(todo, struct slab, hlink);
		u32 units = slab_vacant(s);

		theap_unplace(h, s);
		if (!is_wanted(h, s, units, walk)) {
			theap_place(h, s);
			continue;
		}
		slab_hold(s, units);
		batch[nr++] = (struct held){s, units};
		if (nr == BATCH) {
			done += flush(h, batch, nr);
			nr = 0;
		}
	}
	if (nr)
		done += flush(h, batch, nr);
	while (todo) {
		struct slab *s = container_of(todo, struct slab, hlink);

		theap_unplace(h, s);
		theap_place(h, s);
	}
	lock_release(&h->lock);
	return done;
}

/*
 * What a heap does not need goes if nothing came and went since the last look.
 * Return: bytes vacant, if the heap has rested for the decay time by now.
 */
static size_t settle_if_quiet(struct theap *h, u64 now_ms)
{
	bool is_quiet, was_settled;
	size_t vacant = 0;

	lock_acquire(&h->lock);
	is_quiet = h->seen_turns == turns_of(h);
	was_settled = h->is_settled;
	if (!is_quiet || atomic_load(&h->inbox))
		h->rest_ms = now_ms;
	if (is_quiet) {
		theap_drain(h);
		theap_trim(h, 0);
	}
	h->seen_turns = turns_of(h);
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
 * that it is worth a look.
 */
bool reclaim_settle(u64 now_ms)
{
	size_t vacant = 0;

	lock_acquire(&reclaim_lock);
	for (struct theap *h = theap_next(NULL); h; h = theap_next(h))
		vacant += settle_if_quiet(h, now_ms);
	lock_release(&reclaim_lock);
	return vacant >= HPAGE_SIZE;
}

static size_t walk_all(enum walk walk)
{
	size_t done = 0;

	for (struct theap *h = theap_next(NULL); h; h = theap_next(h)) {
		for (unsigned int c = 0; c < NR_CLASSES; c++)
			for (unsigned int l = 0; l < SLAB_LEVELS; l++)
				done += walk_list(h, &h->level[c][l], walk);
		done += walk_list(h, &h->mixed, walk);
	}
	return done;
}

static void forget_counts(void)
{
	size_t end = space_end_hpage();

	for (size_t i = space_first_hpage(); i < end; i++)
		space.hpages[i].nr_hollow = 0;
}

/**
 * reclaim_slabs() - give vacant base pages of slabs back
 * @how: from sparse huge pages, or all
 *
 * Return: units given back.
 */
size_t reclaim_slabs(enum reclaim_how how)
{
	size_t done;

	if (!purge_is_enabled())
		return 0;
	lock_acquire(&reclaim_lock);
	if (how == RECLAIM_ALL) {
		done = walk_all(WALK_ALL);
	} else {
		forget_counts();
		walk_all(WALK_COUNT);
		done = walk_all(WALK_SPARSE);
	}
	done += breaking_walk(how, &is_stopping);
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
