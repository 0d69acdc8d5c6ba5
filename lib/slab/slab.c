// SPDX-License-Identifier: MIT
/*
 * Slots of one slab: taken lowest first, so that a half-used slab leaves its
 * last base pages untouched; in a hardened process at random, and now and then
 * there is a guard page behind a slab.
 */
#include "slab/slab.h"

#include "hpheap/guard.h"
#include "hpheap/hpheap.h"
#include "os/sys.h"
#include "rt/conf.h"
#include "rt/random.h"
#include "slab/mixed.h"

enum {
	STARTER_OBJS = 8,
	STARTER_BYTES = 16 << 10, /* if objects are larger than a unit */
	GUARD_EVERY = 16, /* units of slabs of a hardened process */
	WIDE_UNITS = MIXED_UNITS, /* at most, so that it can be mixed */
};

/**
 * slab_units() - units of a slab
 * @class: its class
 * @geometry: the first ones of a thread's class may be smaller, and one of many
 *	is twice as long, in most classes
 */
unsigned int slab_units(unsigned int class, enum slab_geometry geometry)
{
	const struct size_class *c = &size_classes[class];
	size_t least = align_up(c->size > UNIT_SIZE ?
					max_size(c->size, STARTER_BYTES) :
					c->size * STARTER_OBJS,
				UNIT_SIZE);

	if (geometry == SLAB_STARTER)
		return min_size(c->units, least >> UNIT_SHIFT);
	for (; geometry > SLAB_STARTER; geometry--) {
		unsigned int n = c->units << (geometry - SLAB_STARTER);

		if (n <= WIDE_UNITS && n * UNIT_SIZE <= MAX_SLAB_OBJS * c->size)
			return n;
	}
	return c->units;
}

/* Slots of such a slab. */
unsigned int slab_slots(unsigned int class, enum slab_geometry geometry)
{
	return (slab_units(class, geometry) << UNIT_SHIFT) /
	       size_classes[class].size;
}

/* The span of @s is set and no slot of it is marked free. */
static void slab_init(struct slab *s, unsigned int class, u32 owner)
{
	size_t len = (size_t)s->span.nr_units << UNIT_SHIFT;
	size_t nr_objs = len / size_classes[class].size;

	s->class = class;
	s->level = SLAB_EMPTY;
	s->nr_objs = nr_objs;
	s->nr_free = nr_objs;
	bitmap_set_range(&s->free, 0, nr_objs);
	space_mark(&s->span, owner << ENTRY_OWNER_SHIFT | class,
		   s->span.nr_units);
	slab_check(s);
}

/* Headers for @nr slabs; how many there are. */
static unsigned int alloc_headers(struct slab **ret, unsigned int nr)
{
	unsigned int n = 0;

	while (n < nr && (ret[n] = (struct slab *)space_span_alloc()))
		n++;
	return n;
}

/*
 * One slab of a hardened process, with a guard behind it if there was none for
 * so long.  Lock of the thread heap held, as for growth.
 */
static unsigned int take_guarded(struct hpheap *h, unsigned int nr_units,
				 struct slab *s, struct run *ret_run)
{
	static _Atomic u32 since;
	u32 before = atomic_fetch_add(&since, nr_units);
	bool is_due = os_page_size == UNIT_SIZE &&
		      before % GUARD_EVERY + nr_units >= GUARD_EVERY;

	if (hpheap_alloc(h, nr_units + is_due, 1, ret_run))
		return 0;
	if (!is_due)
		return 1;
	s->guard = guard_set(ret_run->unit + nr_units, 1);
	if (!s->guard)
		hpheap_free(ret_run->unit + nr_units, 1);
	return 1;
}

/* Units for slabs that adjoin each other, or for less; how many. */
static unsigned int take_units(struct hpheap *h, const struct run_want *want,
			       struct slab **slabs, struct run *ret_run)
{
	unsigned int got;

	if (unlikely(conf.harden))
		return take_guarded(h, want->nr_units, slabs[0], ret_run);
	if (hpheap_alloc_some(h, want, ret_run, &got))
		return 0;
	return got;
}

/* A slab more in its huge page, or one less. */
static void count_slab(const struct slab *s, int n)
{
	atomic_fetch_add_explicit(
		&space.hpages[s->span.unit / HPAGE_UNITS].nr_slabs, n,
		memory_order_relaxed);
}

/**
 * slab_create() - slabs with all slots free
 * @want: what they shall be
 * @most: so many at most, up to SLAB_BATCH
 * @ret_slabs: receives them
 *
 * There is more than one only where they adjoin each other.
 *
 * Return: how many there are, 0 when out of memory.
 */
unsigned int slab_create(const struct slab_want *want, unsigned int most,
			 struct slab **ret_slabs)
{
	unsigned int nr_units = slab_units(want->class, want->geometry);
	struct hpheap *h = hpheap_get(want->node);
	unsigned int nr = alloc_headers(ret_slabs, h ? most : 0), got = 0;
	struct run_want runs = { nr_units, nr, want->is_fleeting };
	struct run run;

	if (nr)
		got = take_units(h, &runs, ret_slabs, &run);
	for (unsigned int i = 0; i < got; i++) {
		ret_slabs[i]->span.unit = run.unit + i * nr_units;
		ret_slabs[i]->span.nr_units = nr_units;
		slab_init(ret_slabs[i], want->class, want->owner);
		count_slab(ret_slabs[i], 1);
	}
	while (nr > got)
		space_span_free(&ret_slabs[--nr]->span);
	return got;
}

/* Has an empty slab the length of one of class @class? */
bool slab_may_turn(const struct slab *s, unsigned int class)
{
	return s->span.nr_units == slab_units(class, SLAB_NORMAL) ||
	       s->span.nr_units == slab_units(class, SLAB_WIDE) ||
	       s->span.nr_units == slab_units(class, SLAB_WIDEST) ||
	       s->span.nr_units == slab_units(class, SLAB_STARTER);
}

/**
 * slab_turn() - make an empty slab one of another class
 * @s: the slab, a plain one for which slab_may_turn(); in no list
 * @class: what it shall be
 * @owner: id of the thread heap
 */
void slab_turn(struct slab *s, unsigned int class, u32 owner)
{
	assert(!s->is_mixed && s->nr_free == s->nr_objs);
	bitmap_clear_range(&s->free, 0, s->nr_objs);
	slab_init(s, class, owner);
}

/**
 * slab_destroy() - give a slab's memory back to the huge-page heap
 * @s: the slab; all slots are free and it is in no list
 * @rest: units of slabs destroyed before that are still to be given back; those
 *	that adjoin go back together. The caller ends with slab_flush().
 */
void slab_destroy(struct slab *s, struct slab_rest *rest)
{
	size_t unit = s->span.unit, nr_units = s->span.nr_units;

	assert(s->is_mixed || s->nr_free == s->nr_objs);
	if (s->is_mixed)
		mixed_unmake(s);
	space_mark(&s->span, 0, nr_units);
	count_slab(s, -1);
	if (s->guard && guard_clear(unit + nr_units, 1, s->guard))
		nr_units++;
	space_span_free(&s->span);
	if (unit / HPAGE_UNITS != rest->unit / HPAGE_UNITS ||
	    (unit != rest->unit + rest->nr_units &&
	     unit + nr_units != rest->unit))
		slab_flush(rest);
	rest->unit = rest->nr_units ? min_size(unit, rest->unit) : unit;
	rest->nr_units += nr_units;
}

/* Give back what slab_destroy() has left. */
void slab_flush(struct slab_rest *rest)
{
	if (rest->nr_units)
		hpheap_free(rest->unit, rest->nr_units);
	rest->nr_units = 0;
}

/* Objects that touch unit @u: [*@ret_first, *@ret_end). */
static void objs_of_unit(const struct slab *s, unsigned int u,
			 unsigned int *ret_first, unsigned int *ret_end)
{
	size_t start = (size_t)u << UNIT_SHIFT;

	*ret_first = min_size(size_class_index(s->class, start), s->nr_objs);
	*ret_end = min_size(size_class_index(s->class, start + UNIT_SIZE - 1) +
				    1,
			    s->nr_objs);
}

static bool unit_is_vacant(const struct slab *s, unsigned int u)
{
	unsigned int first, end;

	if (s->is_mixed)
		return mixed_unit_is_vacant(s, u);
	objs_of_unit(s, u, &first, &end);
	return bitmap_next_clear(&s->free, first) >= end;
}

/* Are there fewer free slots than fit into a unit?  So many touch each. */
static bool is_dense(const struct slab *s)
{
	return !s->is_mixed &&
	       s->nr_free < size_class_index(s->class, UNIT_SIZE);
}

/**
 * slab_vacant() - units that hold no live object and are not hollow
 * @s: the slab
 *
 * Return: one bit a unit, whole base pages only.
 */
u32 slab_vacant(const struct slab *s)
{
	unsigned int grain = os_page_size / UNIT_SIZE;
	unsigned int skew = s->span.unit % grain;
	u32 units = 0;

	if (is_dense(s))
		return 0;
	for (unsigned int u = 0; u < s->span.nr_units; u++)
		if (unit_is_vacant(s, u))
			units |= 1U << u;
	for (unsigned int u = 0; grain > 1 && u < s->span.nr_units; u++) {
		unsigned int lo = align_down(u + skew, grain);
		u64 page = ((1ULL << grain) - 1) << lo >> skew;

		/* Half a base page at either end belongs to a neighbour. */
		if (lo < skew || lo - skew + grain > s->span.nr_units ||
		    (units & page) != page)
			units &= ~(1U << u);
	}
	return units & ~s->hollow;
}

/**
 * slab_hold() - keep the objects of vacant units from being handed out
 * @s: the slab, in no list
 * @units: as slab_vacant() said
 */
void slab_hold(struct slab *s, u32 units)
{
	unsigned int first, end;

	s->level = SLAB_HELD;
	for (; s->is_mixed && units; units &= units - 1)
		mixed_hold(s, ctz64(units));
	for (; units; units &= units - 1) {
		objs_of_unit(s, ctz64(units), &first, &end);
		s->nr_free -= bitmap_count_range(&s->free, first, end - first);
		bitmap_clear_range(&s->free, first, end - first);
	}
	slab_check(s);
}

/**
 * slab_unhold() - undo slab_hold()
 * @s: the slab; the caller puts it into its list
 * @units: the same as then
 * @is_hollow: the units were given back meanwhile
 */
void slab_unhold(struct slab *s, u32 units, bool is_hollow)
{
	unsigned int first, end;

	if (is_hollow)
		s->hollow |= units;
	for (; s->is_mixed && units; units &= units - 1)
		mixed_unhold(s, ctz64(units));
	for (; units; units &= units - 1) {
		objs_of_unit(s, ctz64(units), &first, &end);
		s->nr_free += end - first -
			      bitmap_count_range(&s->free, first, end - first);
		bitmap_set_range(&s->free, first, end - first);
	}
	slab_check(s);
}

/* The units that an object touches are to be hollow no more. */
bool slab_fill_hollow(struct slab *s, size_t size, const void *obj)
{
	size_t off = (const char *)obj - slab_base(s);
	size_t end = off + size;

	for (unsigned int u = off >> UNIT_SHIFT; u <= (end - 1) >> UNIT_SHIFT;
	     u++) {
		if (!(s->hollow >> u & 1))
			continue;
		if (!hpheap_touch(s->span.unit + u, 1))
			return false;
		s->hollow &= ~(1U << u);
	}
	return true;
}

/* Objects were taken: as many as may be touched stay so. */
static unsigned int keep_touchable(struct slab *s, void **objs, unsigned int nr)
{
	unsigned int n = 0;

	while (n < nr &&
	       slab_fill_hollow(s, size_classes[s->class].size, objs[n]))
		n++;
	if (n < nr)
		slab_put(s, objs + n, nr - n);
	return n;
}

/*
 * Hand out slots of one word of the bitmap, the first of which is at @at.  A
 * run of ones is an arithmetic sequence of addresses: adding the lowest bit
 * carries through it, and what the carry leaves is the rest of the word.
 */
static inline void **take_word(u64 *w, char *at, size_t size, void **objs,
			       void **end)
{
	u64 bits = *w;

	do {
		unsigned int first = ctz64(bits);
		u64 rest = bits + (bits & -bits);
		unsigned int last = rest ? ctz64(rest) : 64;
		char *p = at + first * size;
		void **stop = objs + (last - first);

		if (unlikely(stop > end)) {
			stop = end;
			last = first + (end - objs);
			rest = ~0ULL << last;
		}
		for (; objs != stop; p += size)
			*objs++ = p;
		bits &= rest;
	} while (bits && objs != end);
	*w = bits;
	return objs;
}

/* Number of the @nth free slot, from 0. */
static unsigned int nth_free(const struct slab *s, unsigned int nth)
{
	unsigned int i = 0;
	u64 bits;

	for (; nth >= popcount64(s->free.w[i]); i++)
		nth -= popcount64(s->free.w[i]);
	for (bits = s->free.w[i]; nth; nth--)
		bits &= bits - 1;
	return i * 64 + ctz64(bits);
}

/* Any free slot is as likely as the next. */
static void take_random(struct slab *s, void **objs, unsigned int nr)
{
	size_t size = size_classes[s->class].size;

	for (unsigned int n = 0; n < nr; n++) {
		unsigned int i = nth_free(s, random_below(s->nr_free - n));

		bitmap_clear(&s->free, i);
		objs[n] = slab_base(s) + i * size;
	}
}

static void take_lowest(struct slab *s, void **objs, unsigned int nr)
{
	size_t size = size_classes[s->class].size;
	void **end = objs + nr;
	u64 *w = s->free.w;
	char *at = slab_base(s);

	for (; objs != end; w++, at += 64 * size)
		if (*w)
			objs = take_word(w, at, size, objs, end);
}

/**
 * slab_take() - hand out free slots, lowest address first; at random, if hardened
 * @s: the slab
 * @objs: receives the addresses
 * @nr: at most so many
 *
 * Return: how many were handed out; 0, too, where the hard limit forbids to
 * touch what had been given back.
 */
unsigned int slab_take(struct slab *s, void **objs, unsigned int nr)
{
	nr = min_size(nr, s->nr_free);
	if (unlikely(conf.harden))
		take_random(s, objs, nr);
	else
		take_lowest(s, objs, nr);
	s->nr_free -= nr;
	if (unlikely(s->hollow))
		nr = keep_touchable(s, objs, nr);
	slab_check(s);
	return nr;
}

void slab_check(const struct slab *s)
{
	assert(s->is_mixed ||
	       s->nr_free == bitmap_count_range(&s->free, 0, MAX_SLAB_OBJS));
	(void)s;
}
