// SPDX-License-Identifier: MIT
/*
 * Units in use whose user has nothing in them: a slab's base pages without a
 * live object.  They are given back and stay in use; what they are part of is
 * lib/heap/reclaim.c's to know.
 */
#include "backend/backend.h"
#include "hpheap/hpheap.h"
#include "hpheap/space.h"

/**
 * hpheap_is_hollowable() - can parts of a run in use be given back here?
 * @unit: any unit of the run
 *
 * Return: false where only whole huge pages go back.
 */
bool hpheap_is_hollowable(size_t unit)
{
	const struct hpage *hp = &space.hpages[unit / HPAGE_UNITS];

	return !backend_get(hp->backend)->break_hpage;
}

/**
 * hpheap_hollow() - give back units in use whose user has nothing in them
 * @unit: first one; the range lies in one huge page
 * @nr_units: how many, whole base pages
 *
 * They stay in use and read as zeroes.
 */
void hpheap_hollow(size_t unit, size_t nr_units)
{
	struct hpage *hp = &space.hpages[unit / HPAGE_UNITS];
	struct hpheap *h = hpheap_get(hp->node);
	const struct backend_ops *ops = backend_get(hp->backend);

	if (ops->discard(space_addr(unit), nr_units << UNIT_SHIFT))
		return;
	lock_acquire(&h->lock);
	if (hp->state != HP_BUSY)
		hpheap_detach(h, hp);
	hpage_hollow(hp, unit % HPAGE_UNITS, nr_units);
	hp->is_broken |= ops->is_huge;
	if (hp->state != HP_BUSY)
		hpheap_attach(h, hp);
	h->stats.purged += nr_units << UNIT_SHIFT;
	h->stats.nr_purges++;
	lock_release(&h->lock);
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
