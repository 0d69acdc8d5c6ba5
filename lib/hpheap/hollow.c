// SPDX-License-Identifier: MIT
/*
 * Units in use whose user has nothing in them: a slab's base pages without a
 * live object.  They are given back and stay in use; what they are part of is
 * lib/heap/vacate.c's to know.
 */
#include "backend/backend.h"
#include "hpheap/batch.h"
#include "hpheap/hpheap.h"
#include "hpheap/small.h"
#include "hpheap/space.h"

static struct hpage *hpage_of(size_t unit)
{
	return &space.hpages[unit / HPAGE_UNITS];
}

/**
 * hpheap_hollow_how() - how can parts of a run in use be given back here?
 * @unit: any unit of the run, or of a huge page
 */
enum hollow_how hpheap_hollow_how(size_t unit)
{
	const struct hpage *hp = hpage_of(unit);

	if (!atomic_load_explicit(&hp->is_known, memory_order_acquire) ||
	    hp->backend == BK_HUGETLB)
		return HOLLOW_NOT;
	return backend_get(hp->backend)->break_hpage ? HOLLOW_BREAK
						     : HOLLOW_PARTS;
}

/* Lock held. */
static void note_hollow(struct hpheap *h, const struct hollow *part)
{
	struct hpage *hp = hpage_of(part->unit);
	bool is_busy = hp->state == HP_BUSY; /* detached: the purger attaches */

	if (!is_busy)
		hpheap_detach(h, hp);
	/* Until now all of it was there, touched or not. */
	if (hpage_is_huge(hp))
		hpage_fill(hp);
	hpage_hollow(hp, part->unit % HPAGE_UNITS, part->nr_units);
	hp->is_broken |= backend_get(hp->backend)->is_huge;
	if (!is_busy)
		hpheap_attach(h, hp);
	h->stats.purged += (size_t)part->nr_units << UNIT_SHIFT;
}

static void note_cost(struct hpheap *h, const struct discard_cost *c)
{
	h->stats.nr_purges += c->nr_calls;
	h->stats.purge_ns += c->ns;
	h->stats.purge_max_ns = max_size(h->stats.purge_max_ns, c->max_ns);
}

/* Huge pages of which the parts in @given went back; often one of many. */
static void keep_small(struct hpheap *h, const struct hollow *parts, u64 given)
{
	struct hpage *last = NULL;

	if (!given)
		return;
	lock_acquire(&h->purge_lock);
	for (; given; given &= given - 1) {
		struct hpage *hp = hpage_of(parts[ctz64(given)].unit);

		if (hp != last)
			small_begin(h, hp);
		last = hp;
	}
	lock_release(&h->purge_lock);
}

/* Parts of huge pages of one heap and backend. */
static void hollow_some(struct hpheap *h, const struct hollow *parts,
			unsigned int nr)
{
	struct discard_cost cost = {.nr_calls = 0};
	struct os_range ranges[HOLLOW_MAX];
	u64 done, given;

	for (unsigned int i = 0; i < nr; i++)
		ranges[i] = (struct os_range){
			.addr = space_addr(parts[i].unit),
			.len = (size_t)parts[i].nr_units << UNIT_SHIFT,
		};
	done = discard_ranges(backend_get(hpage_of(parts->unit)->backend),
			      ranges, nr, &cost);
	given = done;
	lock_acquire(&h->lock);
	for (; done; done &= done - 1)
		note_hollow(h, &parts[ctz64(done)]);
	note_cost(h, &cost);
	lock_release(&h->lock);
	keep_small(h, parts, given);
}

/* How many from the first on are of one heap and backend. */
static unsigned int alike(const struct hollow *parts, unsigned int nr)
{
	const struct hpage *first = hpage_of(parts->unit);
	unsigned int n = 1;

	while (n < nr && hpage_of(parts[n].unit)->node == first->node &&
	       hpage_of(parts[n].unit)->backend == first->backend)
		n++;
	return n;
}

/**
 * hpheap_hollow() - give back units in use whose user has nothing in them
 * @parts: HOLLOW_PARTS, in whole base pages
 * @nr: how many, HOLLOW_MAX at most
 *
 * They stay in use and read as zeroes.
 */
void hpheap_hollow(const struct hollow *parts, unsigned int nr)
{
	for (unsigned int n; nr; parts += n, nr -= n) {
		n = alike(parts, nr);
		hollow_some(hpheap_get(hpage_of(parts->unit)->node), parts, n);
	}
}

/* A huge page of which nothing stays would be huge again at the next touch. */
static void keep_one(struct bitmap *keep)
{
	if (bitmap_next_set(keep, 0) == HPAGE_UNITS)
		bitmap_set(keep, 0);
}

/**
 * hpheap_break() - give back all that is free or holds nothing in a huge page
 * @hpage: its index; HOLLOW_BREAK
 * @vacant: units in use that hold nothing, in whole base pages; nobody can take
 *	them meanwhile
 *
 * Return: false if nothing was given back.
 */
bool hpheap_break(size_t hpage, const struct bitmap *vacant)
{
	struct hpage *hp = &space.hpages[hpage];
	struct hpheap *h = hpheap_get(hp->node);
	struct batch_page *p;
	struct batch b;
	size_t done;

	batch_init(&b, 0);
	lock_acquire(&h->purge_lock);
	lock_acquire(&h->lock);
	p = batch_take(&b, h, hp);
	for (unsigned int i = 0; i < BITMAP_WORDS; i++)
		p->keep.w[i] &= ~vacant->w[i];
	keep_one(&p->keep);
	lock_release(&h->lock);
	batch_discard(&b, h);
	lock_acquire(&h->lock);
	done = batch_finish(&b, h);
	lock_release(&h->lock);
	lock_release(&h->purge_lock);
	return done;
}

/**
 * hpheap_touch() - hollow units are used again
 * @unit: first one; the range lies in one huge page
 * @nr_units: how many
 *
 * Return: false, and nothing is changed, if the hard limit forbids it.
 */
bool hpheap_touch(size_t unit, size_t nr_units)
{
	struct hpage *hp = &space.hpages[unit / HPAGE_UNITS];
	struct hpheap *h = hpheap_get(hp->node);

	bool ok;

	lock_acquire(&h->lock);
	ok = hpheap_charge(h, unit, nr_units);
	if (ok) {
		hpage_touch(hp, unit % HPAGE_UNITS, nr_units);
		hpheap_settle(h, hp);
	}
	lock_release(&h->lock);
	return ok;
}
