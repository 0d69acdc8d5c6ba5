// SPDX-License-Identifier: MIT
/*
 * Granules of one mixed slab.
 */
#include "slab/mixed.h"

#include <errno.h>

#include "rt/meta.h"

static unsigned int nr_granules(const struct slab *s)
{
	return s->span.nr_units * UNIT_GRANULES;
}

/* Bytes of both maps. */
static size_t maps_len(const struct slab *s)
{
	return 2 * nr_granules(s) / CHAR_BIT;
}

static _Atomic u64 *last_word(const struct slab *s, unsigned int i)
{
	return (_Atomic u64 *)s->granules + (nr_granules(s) + i) / 64;
}

static bool is_free(const struct slab *s, unsigned int i)
{
	return s->granules[i / 64] >> (i % 64) & 1;
}

static bool is_last(const struct slab *s, unsigned int i)
{
	return atomic_load_explicit(last_word(s, i), memory_order_relaxed) >>
		       (i % 64) & 1;
}

/* Heap's lock held: nobody else writes. */
static void flip_last(struct slab *s, unsigned int i)
{
	u64 w = atomic_load_explicit(last_word(s, i), memory_order_relaxed);

	atomic_store_explicit(last_word(s, i), w ^ 1ULL << (i % 64),
			      memory_order_relaxed);
}

/* Length of the object that starts with granule @first. */
static unsigned int length(const struct slab *s, unsigned int first)
{
	unsigned int i = first, nr = nr_granules(s);

	while (i < nr) {
		u64 w = atomic_load_explicit(last_word(s, i),
					     memory_order_relaxed) >>
			(i % 64);

		if (w)
			return i + ctz64(w) + 1 - first;
		i = (i / 64 + 1) * 64;
	}
	return nr - first;
}

static void occupy(struct slab *s, unsigned int first, unsigned int nr)
{
	bits_wipe(s->granules, first, nr);
	flip_last(s, first + nr - 1);
}

static unsigned int next_free(const struct slab *s, unsigned int from)
{
	return bits_next(s->granules, nr_granules(s), from, 0);
}

static unsigned int next_taken(const struct slab *s, unsigned int from)
{
	return bits_next(s->granules, nr_granules(s), from, ~0ULL);
}

static unsigned int longest_free(const struct slab *s)
{
	unsigned int longest = 0, nr = nr_granules(s), first, end;

	for (first = next_free(s, 0); first < nr; first = next_free(s, end)) {
		end = next_taken(s, first);
		longest = max_size(longest, end - first);
	}
	return longest;
}

/**
 * mixed_make() - turn a plain slab into a mixed one
 * @s: the slab; MIXED_UNITS at most, no unit hollow, in no list
 * @owner: id of the thread heap that owns it
 *
 * Return: false, and nothing is changed, when out of memory.
 */
bool mixed_make(struct slab *s, u32 owner)
{
	unsigned int nr = size_classes[s->class].size >> CLASS_GRAIN_SHIFT;
	unsigned int nr_live = s->nr_objs - s->nr_free;
	u64 *maps = meta_alloc(maps_len(s));

	assert(s->span.nr_units <= MIXED_UNITS && !s->hollow);
	if (!maps)
		return false;
	s->granules = maps;
	s->is_mixed = true;
	bits_fill(s->granules, 0, nr_granules(s));
	for (unsigned int i = 0; i < s->nr_objs; i++)
		if (!bitmap_test(&s->free, i))
			occupy(s, i * nr, nr);
	s->nr_free = nr_granules(s) - nr_live * nr;
	s->nr_objs = 0;
	s->longest = longest_free(s);
	space_mark(&s->span, owner << ENTRY_OWNER_SHIFT | CLASS_MIXED,
		   s->span.nr_units);
	mixed_check(s);
	return true;
}

/* Let the granules of a slab go that is about to be destroyed. */
void mixed_unmake(struct slab *s)
{
	assert(mixed_is_empty(s));
	meta_free(s->granules, maps_len(s));
	s->is_mixed = false;
}

/* The run of free granules around [@first, @end). */
static unsigned int run_around(const struct slab *s, unsigned int first,
			       unsigned int end)
{
	while (first && is_free(s, first - 1))
		first--;
	return next_taken(s, end - 1) - first;
}

/**
 * mixed_put() - take an object back
 * @s: the slab
 * @obj: an address within it
 *
 * Return: the length in bytes; -EINVAL if no object starts there, -EALREADY if
 * it is free.
 */
int mixed_put(struct slab *s, const void *obj)
{
	size_t off = (const char *)obj - slab_base(s);
	unsigned int i = off >> CLASS_GRAIN_SHIFT, len;

	if (off % (1 << CLASS_GRAIN_SHIFT) || i >= nr_granules(s))
		return -EINVAL;
	if (is_free(s, i))
		return -EALREADY;
	if (i && !is_free(s, i - 1) && !is_last(s, i - 1))
		return -EINVAL;
	len = length(s, i);
	flip_last(s, i + len - 1);
	bits_fill(s->granules, i, len);
	s->nr_free += len;
	s->longest = max_size(s->longest, run_around(s, i, i + len));
	mixed_check(s);
	return len << CLASS_GRAIN_SHIFT;
}

/* Objects were taken: as many as may be touched stay so. */
static unsigned int keep_touchable(struct slab *s, size_t size, void **objs,
				   unsigned int nr)
{
	unsigned int n = 0;

	while (n < nr && slab_fill_hollow(s, size, objs[n]))
		n++;
	for (unsigned int i = n; i < nr; i++)
		mixed_put(s, objs[i]);
	return n;
}

/**
 * mixed_take() - hand out room, lowest address first, aligned as slots are
 * @s: the slab
 * @size: bytes of each object, those of a class
 * @objs: receives the addresses
 * @nr: at most so many
 *
 * Return: how many were handed out; 0, too, where the hard limit forbids to
 * touch what had been given back.
 */
unsigned int mixed_take(struct slab *s, size_t size, void **objs,
			unsigned int nr)
{
	unsigned int len = size >> CLASS_GRAIN_SHIFT, n = 0;
	unsigned int align = len & -len;
	unsigned int at = next_free(s, 0);
	char *base = slab_base(s);

	while (n < nr && at < nr_granules(s)) {
		unsigned int end = next_taken(s, at);

		for (at = align_up(at, align); n < nr && at + len <= end;
		     at += len) {
			occupy(s, at, len);
			objs[n++] = base + ((size_t)at << CLASS_GRAIN_SHIFT);
		}
		at = next_free(s, end);
	}
	s->nr_free -= n * len;
	s->longest = longest_free(s);
	if (unlikely(s->hollow))
		n = keep_touchable(s, size, objs, n);
	mixed_check(s);
	return n;
}

/**
 * mixed_size() - bytes of a live object of a mixed slab
 * @obj: the object
 *
 * Needs no lock.  The entry is read again: acquire pairs with space_mark(), so
 * that a thread which was given the object while the slab was plain sees the
 * granules.
 */
size_t mixed_size(const void *obj)
{
	u64 entry = atomic_load_explicit(space_entry(space_unit(obj)),
					 memory_order_acquire);
	const struct slab *s = slab_of_entry(entry);
	size_t off = (const char *)obj - slab_base(s);

	return (size_t)length(s, off >> CLASS_GRAIN_SHIFT)
	       << CLASS_GRAIN_SHIFT;
}

bool mixed_is_empty(const struct slab *s)
{
	return s->nr_free == nr_granules(s);
}

/* Is all of one unit free? */
bool mixed_unit_is_vacant(const struct slab *s, unsigned int unit)
{
	unsigned int first = unit * UNIT_GRANULES;

	return next_taken(s, first) >= first + UNIT_GRANULES;
}

/*
 * Keep a vacant unit from being handed out: it looks like one object, which
 * those behind it can tell from a part of themselves.
 */
void mixed_hold(struct slab *s, unsigned int unit)
{
	occupy(s, unit * UNIT_GRANULES, UNIT_GRANULES);
	s->nr_free -= UNIT_GRANULES;
}

/* Undo mixed_hold(). */
void mixed_unhold(struct slab *s, unsigned int unit)
{

	bits_fill(s->granules, unit * UNIT_GRANULES, UNIT_GRANULES);
	flip_last(s, (unit + 1) * UNIT_GRANULES - 1);
	s->nr_free += UNIT_GRANULES;
	s->longest = longest_free(s);
}

void mixed_check(const struct slab *s)
{
	unsigned int nr_free = 0;

	for (unsigned int i = 0; i < nr_granules(s); i++) {
		nr_free += is_free(s, i);
		assert(!is_free(s, i) || !is_last(s, i));
	}
	assert(nr_free == s->nr_free);
	(void)nr_free;
}
