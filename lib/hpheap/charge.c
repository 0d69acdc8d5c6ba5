// SPDX-License-Identifier: MIT
/*
 * What is held of each huge page, for the limits.  The figure follows every
 * change of a huge page; where there is a hard limit, memory is charged before
 * it is taken, and may be refused.
 */
#include "backend/backend.h"
#include "hpheap/hpheap.h"
#include "hpheap/limit.h"
#include "hpheap/space.h"

/* Are its pages huge, so that the first touch of a unit backs all of them? */
bool hpage_is_huge(const struct hpage *hp)
{
	return !hp->is_broken && backend_get(hp->backend)->is_huge;
}

/**
 * hpheap_settle() - count what is held of a huge page anew; lock held
 * @h: its heap
 * @hp: the huge page, as it is now
 */
void hpheap_settle(struct hpheap *h, struct hpage *hp)
{
	long held = hp->nr_touched;

	if (held && hpage_is_huge(hp))
		held = HPAGE_UNITS;
	held -= hp->nr_charged;
	if (!held)
		return;
	hp->nr_charged += held;
	h->stats.held += held * UNIT_SIZE;
	limit_settle(held * UNIT_SIZE);
}

/* Units more that are held once @nr units from @first on are touched. */
static unsigned int growth(const struct hpage *hp, unsigned int first,
			   unsigned int nr)
{
	if (hpage_is_huge(hp))
		return HPAGE_UNITS - hp->nr_charged;
	return nr - bitmap_count_range(&hp->touched, first, nr);
}

/* One huge page's part of a range: its length, from @unit to @end at most. */
static unsigned int part_of(size_t unit, size_t end)
{
	return min_size(end - unit, HPAGE_UNITS - unit % HPAGE_UNITS);
}

/**
 * hpheap_charge() - ask the hard limit for units to be touched; lock held
 * @h: the heap
 * @unit: first one
 * @nr_units: how many
 *
 * Return: false, and nothing is charged, if they would pass the limit.
 */
bool hpheap_charge(struct hpheap *h, size_t unit, size_t nr_units)
{
	size_t end = unit + nr_units, more = 0;
	unsigned int n;

	if (!limit_has_hard())
		return true;
	for (size_t at = unit; at < end; at += n) {
		n = part_of(at, end);
		more += growth(&space.hpages[at / HPAGE_UNITS],
			       at % HPAGE_UNITS, n);
	}
	if (!more)
		return true;
	if (!limit_charge(more << UNIT_SHIFT))
		return false;
	h->stats.held += more << UNIT_SHIFT;
	for (size_t at = unit; at < end; at += n) {
		struct hpage *hp = &space.hpages[at / HPAGE_UNITS];

		n = part_of(at, end);
		hp->nr_charged += growth(hp, at % HPAGE_UNITS, n);
	}
	return true;
}
