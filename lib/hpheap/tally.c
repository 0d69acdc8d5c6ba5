// SPDX-License-Identifier: MIT
/*
 * A heap's figures, whether they are what a walk over it finds, and what a huge
 * page of it looks like to others.
 */
#include "hpheap/hpheap.h"
#include "hpheap/space.h"

/* Bytes in runs. */
size_t hpheap_used(struct hpheap *h)
{
	size_t used;

	lock_acquire(&h->lock);
	used = h->stats.used;
	lock_release(&h->lock);
	return used;
}

/**
 * hpheap_stats_add() - add a heap's figures to a sum
 * @h: the heap
 * @sum: the sum
 */
void hpheap_stats_add(struct hpheap *h, struct hpheap_stats *sum)
{
	lock_acquire(&h->lock);
	sum->mapped += h->stats.mapped;
	sum->used += h->stats.used;
	sum->dirty += h->nr_dirty << UNIT_SHIFT;
	sum->held += h->stats.held;
	sum->nr_hpages += h->stats.nr_hpages;
	sum->nr_empty += h->stats.nr_empty;
	sum->nr_broken += h->stats.nr_broken;
	sum->purged += h->stats.purged;
	sum->nr_purges += h->stats.nr_purges;
	sum->purge_ns += h->stats.purge_ns;
	sum->prefaulted += h->stats.prefaulted;
	sum->prefault_hits += h->stats.prefault_hits;
	sum->prefault_ns += h->stats.prefault_ns;
	sum->nr_collapsed += h->stats.nr_collapsed;
	sum->nr_refused += h->stats.nr_refused;
	if (h->stats.refused_err)
		sum->refused_err = h->stats.refused_err;
	sum->purge_max_ns = max_size(sum->purge_max_ns, h->stats.purge_max_ns);
	lock_release(&h->lock);
}

/**
 * hpheap_check() - walk a heap and assert its invariants
 * @h: the heap; lock held or no other thread running
 */
void hpheap_check(struct hpheap *h)
{
	size_t nr_dirty = 0, used = 0, nr_empty = 0, held = 0;

	for (size_t i = space_first_hpage(); i < space_end_hpage(); i++) {
		const struct hpage *hp = &space.hpages[i];

		if (hp->state == HP_UNUSED || hp->node != h->node)
			continue;
		hpage_check(hp);
		nr_dirty += hp->nr_dirty;
		used += (size_t)hp->nr_used << UNIT_SHIFT;
		nr_empty += hp->state == HP_EMPTY;
		held += (size_t)hp->nr_charged << UNIT_SHIFT;
		assert((hp->state == HP_EMPTY) ==
		       (h->free_map[i / 64] >> (i % 64) & 1));
	}
	assert(nr_dirty == h->nr_dirty);
	assert(used == h->stats.used);
	assert(nr_empty == h->stats.nr_empty);
	assert(held == h->stats.held);
	(void)nr_dirty;
	(void)used;
	(void)nr_empty;
	(void)held;
}

/**
 * hpheap_look() - a huge page as it is at this moment
 * @hpage: its index
 * @ret_view: receives it
 *
 * Return: false if it was never taken into use.
 */
bool hpheap_look(size_t hpage, struct hpage_view *ret_view)
{
	const struct hpage *hp = &space.hpages[hpage];
	struct hpheap *h;

	if (!atomic_load_explicit(&hp->is_known, memory_order_acquire))
		return false;
	h = hpheap_get(hp->node);
	lock_acquire(&h->lock);
	*ret_view = (struct hpage_view){
		.state = hp->state,
		.is_broken = hp->is_broken,
		.nr_used = hp->nr_used,
		.nr_dirty = hp->nr_dirty,
		.since_ms = hp->since_ms,
	};
	lock_release(&h->lock);
	return true;
}

/**
 * hpheap_sample() - some addresses that hold something, from all over the heap
 * @h: the heap
 * @ret_pages: receives them, one a huge page
 * @max: at most so many
 *
 * Return: how many.
 */
unsigned int hpheap_sample(struct hpheap *h, void **ret_pages, unsigned int max)
{
	size_t first = space_first_hpage(), end = space_end_hpage();
	size_t step = (end - first) / (2 * max) + 1;
	unsigned int nr = 0;

	lock_acquire(&h->lock);
	for (size_t i = first; i < end && nr < max; i += step) {
		const struct hpage *hp = &space.hpages[i];

		if (hp->state == HP_UNUSED || hp->node != h->node ||
		    !hp->nr_touched)
			continue;
		ret_pages[nr++] = space_addr(
			i * HPAGE_UNITS + bitmap_next_set(&hp->touched, 0));
	}
	lock_release(&h->lock);
	return nr;
}
