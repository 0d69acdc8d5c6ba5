// SPDX-License-Identifier: MIT
/*
 * Bookkeeping inside one huge page.
 */
#include "hpheap/hpage.h"

#include <stddef.h>
#include <string.h>

/**
 * hpage_init() - a huge page nobody has touched
 * @hp: the huge page
 * @node: NUMA node heap it belongs to
 * @backend: enum backend_id of the memory behind it
 */
void hpage_init(struct hpage *hp, unsigned int node, unsigned int backend)
{
	memset(hp, 0, offsetof(struct hpage, is_known));
	list_init(&hp->link);
	hp->longest = HPAGE_UNITS;
	hp->state = HP_EMPTY;
	hp->node = node;
	hp->backend = backend;
	atomic_store_explicit(&hp->is_known, true, memory_order_release);
}

/**
 * hpage_take() - put units to use
 * @hp: the huge page
 * @first: first unit; all are free
 * @nr: how many
 *
 * From now on they count as touched: the owner may write what it likes.
 *
 * Return: how many of them may differ from zero.
 */
unsigned int hpage_take(struct hpage *hp, unsigned int first, unsigned int nr)
{
	unsigned int was_touched = bitmap_fill(&hp->touched, first, nr);

	assert(!bitmap_count_range(&hp->used, first, nr));
	bitmap_set_range(&hp->used, first, nr);
	hp->nr_used += nr;
	hp->nr_touched += nr - was_touched;
	hp->nr_dirty -= was_touched;
	if (bitmap_clear_run(&hp->used, first, nr) == hp->longest)
		hp->longest = bitmap_longest_clear(&hp->used);
	hpage_check(hp);
	if (!hp->is_zeroed)
		return was_touched;
	hp->is_zeroed = false;
	return 0;
}

/**
 * hpage_put() - units are free again, with whatever they hold
 * @hp: the huge page
 * @first: first unit; all are in use
 * @nr: how many
 */
void hpage_put(struct hpage *hp, unsigned int first, unsigned int nr)
{
	assert(bitmap_count_range(&hp->used, first, nr) == nr);
	bitmap_clear_range(&hp->used, first, nr);
	hp->nr_used -= nr;
	hp->nr_dirty += bitmap_count_range(&hp->touched, first, nr);
	hp->longest = max_size(hp->longest,
			       bitmap_clear_run(&hp->used, first, nr));
	hpage_check(hp);
}

/**
 * hpage_fit() - where a run of free units would go
 * @hp: the huge page
 * @nr: units
 * @align: in units, a power of two
 *
 * Return: the first unit, or HPAGE_UNITS if there is no such run.
 */
unsigned int hpage_fit(const struct hpage *hp, unsigned int nr,
		       unsigned int align)
{
	return bitmap_find_clear(&hp->used, nr, align);
}

/**
 * hpage_clean() - free units read as zeroes now
 * @hp: the huge page
 * @first: first unit; all are free
 * @nr: how many
 */
void hpage_clean(struct hpage *hp, unsigned int first, unsigned int nr)
{
	unsigned int was_touched = bitmap_count_range(&hp->touched, first, nr);

	hp->is_zeroed = false;
	hp->nr_dirty -= was_touched;
	hp->nr_touched -= was_touched;
	bitmap_clear_range(&hp->touched, first, nr);
	hpage_check(hp);
}

/**
 * hpage_fill() - all of it is backed now, and may differ from zero
 * @hp: the huge page
 */
void hpage_fill(struct hpage *hp)
{
	bitmap_set_range(&hp->touched, 0, HPAGE_UNITS);
	hp->nr_touched = HPAGE_UNITS;
	hp->nr_dirty = HPAGE_UNITS - hp->nr_used;
	hpage_check(hp);
}

/**
 * hpage_populate() - all of it is backed now, by zeroes
 * @hp: the huge page; no unit is in use or touched
 */
void hpage_populate(struct hpage *hp)
{
	assert(!hp->nr_touched);
	hpage_fill(hp);
	hp->is_zeroed = true;
}

/**
 * hpage_hollow() - units in use were given back by their user
 * @hp: the huge page
 * @first: first unit; all are in use
 * @nr: how many
 */
void hpage_hollow(struct hpage *hp, unsigned int first, unsigned int nr)
{
	assert(bitmap_count_range(&hp->used, first, nr) == nr);
	hp->nr_touched -= bitmap_count_range(&hp->touched, first, nr);
	bitmap_clear_range(&hp->touched, first, nr);
	hpage_check(hp);
}

/**
 * hpage_touch() - units in use hold something again
 * @hp: the huge page
 * @first: first unit; all are in use
 * @nr: how many
 */
void hpage_touch(struct hpage *hp, unsigned int first, unsigned int nr)
{
	assert(bitmap_count_range(&hp->used, first, nr) == nr);
	hp->nr_touched += nr - bitmap_fill(&hp->touched, first, nr);
	hpage_check(hp);
}

/**
 * hpage_next_dirty() - the next run of free units that holds something
 * @hp: the huge page
 * @first: where to look from; receives the start of the run
 * @ret_nr: its length; the run is free, its first and last unit are touched
 *
 * Return: false if there is none.
 */
bool hpage_next_dirty(const struct hpage *hp, unsigned int *first,
		      unsigned int *ret_nr)
{
	struct bitmap dirty;
	unsigned int start, end;

	for (unsigned int i = 0; i < BITMAP_WORDS; i++)
		dirty.w[i] = hp->touched.w[i] & ~hp->used.w[i];
	start = bitmap_next_set(&dirty, *first);
	if (start == BITMAP_BITS)
		return false;
	end = bitmap_next_clear(&dirty, start);
	*first = start;
	*ret_nr = end - start;
	return true;
}

/* Invariants; the debug build calls it from every change. */
void hpage_check(const struct hpage *hp)
{
	assert(hp->nr_used == bitmap_count_range(&hp->used, 0, HPAGE_UNITS));
	assert(hp->nr_used + hp->nr_dirty <= HPAGE_UNITS);
	assert(hp->longest == bitmap_longest_clear(&hp->used));
	assert(hp->nr_touched ==
	       bitmap_count_range(&hp->touched, 0, HPAGE_UNITS));
	(void)hp;
}
