// SPDX-License-Identifier: MIT
/*
 * Granules of one mixed slab.
 */
#include "slab/mixed.h"

#include <errno.h>
#include <string.h>

static_assert(NOTE_BYTES == 2 * UNIT_GRANULES / CHAR_BIT, "both maps");

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
	return (_Atomic u64 *)s->mix.granules + (nr_granules(s) + i) / 64;
}

static bool is_free(const struct slab *s, unsigned int i)
{
	return s->mix.granules[i / 64] >> (i % 64) & 1;
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
	bits_wipe(s->mix.granules, first, nr);
	flip_last(s, first + nr - 1);
}

static unsigned int next_free(const struct slab *s, unsigned int from)
{
	return bits_next(s->mix.granules, nr_granules(s), from, 0);
}

static unsigned int next_taken(const struct slab *s, unsigned int from)
{
	return bits_next(s->mix.granules, nr_granules(s), from, ~0ULL);
}

/**
 * mixed_rooms() - which runs there are
 * @s: the slab
 *
 * Return: one bit a room.
 */
u64 mixed_rooms(const struct slab *s)
{
	unsigned int nr = nr_granules(s), first, end;
	u64 rooms = 0;

	for (first = next_free(s, 0); first < nr; first = next_free(s, end)) {
		end = next_taken(s, first);
		rooms |= 1ULL << room_of(end - first);
	}
	return rooms;
}

/**
 * mixed_make() - turn a plain slab into a mixed one
 * @s: the slab; MIXED_UNITS at most, in no list
 * @owner: id of the thread heap that owns it
 *
 * Return: false, and nothing is changed, when out of memory.
 */
bool mixed_make(struct slab *s, u32 owner)
{
	unsigned int nr = size_classes[s->class].size >> CLASS_GRAIN_SHIFT;
	unsigned int nr_live = s->nr_objs - s->nr_free;
	u64 *maps = space_notes(s->span.unit, s->span.nr_units);
	struct bitmap free = s->free;

	assert(s->span.nr_units <= MIXED_UNITS);
	if (!maps)
		return false;
	s->mix = (struct mix){ .granules = maps };
	s->is_mixed = true;
	memset(maps, 0, maps_len(s));
	bits_fill(maps, 0, nr_granules(s));
	for (unsigned int i = 0; i < s->nr_objs; i++)
		if (!bitmap_test(&free, i))
			occupy(s, i * nr, nr);
	s->nr_free = nr_granules(s) - nr_live * nr;
	s->nr_objs = 0;
	space_mark(&s->span, owner << ENTRY_OWNER_SHIFT | CLASS_MIXED,
		   s->span.nr_units);
	mixed_check(s);
	return true;
}

/* Let the granules of a slab go that is about to be destroyed. */
void mixed_unmake(struct slab *s)
{
	assert(mixed_is_empty(s));
	space_notes_end(s->span.nr_units);
	s->is_mixed = false;
}

/**
 * mixed_put() - take an object back
 * @s: the slab
 * @obj: an address within it
 * @ret_room: room of the run that it is part of now
 *
 * Return: the length in bytes; -EINVAL if no object starts there, -EALREADY if
 * it is free.
 */
int mixed_put(struct slab *s, const void *obj, unsigned int *ret_room)
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
	bits_fill(s->mix.granules, i, len);
	s->nr_free += len;
	*ret_room = room_of(next_taken(s, i + len - 1) -
			    bits_run_start(s->mix.granules, i, 0));
	mixed_check(s);
	return len << CLASS_GRAIN_SHIFT;
}

/* Objects were taken: as many as may be touched stay so. */
static unsigned int keep_touchable(struct slab *s, size_t size, void **objs,
				   unsigned int nr, u64 *rooms)
{
	unsigned int n = 0, room;

	while (n < nr && slab_fill_hollow(s, size, objs[n]))
		n++;
	for (unsigned int i = n; i < nr; i++) {
		mixed_put(s, objs[i], &room);
		*rooms |= 1ULL << room;
	}
	return n;
}

/* Words looked at together; the compiler makes vector instructions of it. */
enum { TOGETHER = 4 };

typedef u64 words __attribute__((vector_size(TOGETHER * sizeof(u64)),
				 aligned(sizeof(u64)), may_alias));

/*
 * May a run of just @len granules, 63 at most, begin in one of TOGETHER words
 * that have a neighbour at either end?  All places are tried at once: one may
 * begin here, and one may end so far behind.
 */
static inline bool may_begin(const u64 *w, unsigned int len)
{
	words at = *(const words *)w, before = *(const words *)(w - 1);
	words behind = *(const words *)(w + 1);
	words starts = at & ~(at << 1 | before >> 63);
	words reach = at >> (len - 1) | behind << 1 << (64 - len);
	words over = at >> len | behind << (64 - len);
	words may = starts & reach & ~over;

	return may[0] | may[1] | may[2] | may[3];
}

/* The same of one word @i of @nr: one bit a place. */
static inline u64 may_begin_at(const u64 *w, unsigned int i, unsigned int nr,
			       unsigned int len)
{
	u64 before = i ? w[i - 1] >> 63 : 0;
	u64 behind = i + 1 < nr ? w[i + 1] : 0;
	u64 reach = w[i] >> (len - 1) | behind << 1 << (64 - len);
	u64 over = w[i] >> len | behind << (64 - len);

	return w[i] & ~(w[i] << 1 | before) & reach & ~over;
}

/*
 * The first run of just @len granules, 63 at most, that begins at or behind
 * @from.
 */
static unsigned int next_exact(const struct slab *s, unsigned int from,
			       unsigned int len)
{
	const u64 *w = s->mix.granules;
	unsigned int nr_words = nr_granules(s) / 64, i = from / 64;
	u64 mask = ~0ULL << (from % 64);

	for (; i < nr_words; i++, mask = ~0ULL) {
		u64 m;

		while (i && i + TOGETHER < nr_words && !may_begin(w + i, len)) {
			i += TOGETHER;
			mask = ~0ULL;
		}
		m = may_begin_at(w, i, nr_words, len) & mask;
		for (; m; m &= m - 1) {
			unsigned int at = i * 64 + ctz64(m);

			if (next_taken(s, at) == at + len)
				return at;
		}
	}
	return nr_granules(s);
}

static_assert(NR_ROOMS == 64, "the last room is 64 granules and more");

/*
 * The first run of 64 granules or more that begins at or behind @from.  It
 * reaches across the border of two words, so only what adjoins one is looked at.
 */
static unsigned int next_long(const struct slab *s, unsigned int from)
{
	const u64 *w = s->mix.granules;
	unsigned int nr_words = nr_granules(s) / 64;
	unsigned int nr = 0; /* free ones just before word i */

	for (unsigned int i = from / 64; i < nr_words; i++) {
		u64 word = i == from / 64 ? w[i] & ~0ULL << (from % 64) : w[i];
		unsigned int head = ~word ? ctz64(~word) : 64;

		if (nr + head >= 64)
			return i * 64 - nr;
		nr = 63 - log2_floor(~word);
	}
	return nr_granules(s);
}

/* The same of a room. */
static unsigned int next_of_room(const struct slab *s, unsigned int from,
				 unsigned int room)
{
	if (room < NR_ROOMS - 1)
		return next_exact(s, from, room + 1);
	return next_long(s, from); /* the last one has several lengths */
}

/* Note the room of a run, if it is one. */
static u64 room_bit(unsigned int first, unsigned int end)
{
	return end > first ? 1ULL << room_of(end - first) : 0;
}

/*
 * Take objects from the run [@first, @end) as long as it lasts; what is left at
 * either end is added to @rooms.
 */
static unsigned int take_run(struct slab *s, const struct mixed_want *want,
			     unsigned int first, unsigned int end, void **objs,
			     unsigned int nr, u64 *rooms)
{
	unsigned int len = want->size >> CLASS_GRAIN_SHIFT, n = 0;
	unsigned int at = align_up(first, want->align >> CLASS_GRAIN_SHIFT);
	char *base = slab_base(s);

	*rooms |= room_bit(first, at);
	for (; n < nr && at + len <= end; at += len) {
		occupy(s, at, len);
		objs[n++] = base + ((size_t)at << CLASS_GRAIN_SHIFT);
	}
	*rooms |= room_bit(at, end);
	return n;
}

/**
 * mixed_take() - hand out runs of one room, lowest address first
 * @s: the slab
 * @want: what is wanted; any run of that room holds one at least
 * @objs: receives the addresses
 * @nr: at most so many
 * @ret_rooms: rooms of what is left of the runs taken from, one bit each
 *
 * Return: how many were handed out, fewer than @nr only if there are no other
 * runs of that room, or one was enough; 0, too, where the hard limit forbids
 * to touch what had been given back, and then @ret_rooms is not.
 */
unsigned int mixed_take(struct slab *s, const struct mixed_want *want,
			void **objs, unsigned int nr, u64 *ret_rooms)
{
	unsigned int at, end = 0, n = 0, nr_all = nr_granules(s);
	u64 rooms = 0;

	while (n < nr && (at = next_of_room(s, end, want->room)) < nr_all) {
		end = next_taken(s, at);
		n += take_run(s, want, at, end, objs + n, nr - n, &rooms);
		if (want->is_longer)
			break;
	}
	s->nr_free -= n * (want->size >> CLASS_GRAIN_SHIFT);
	if (unlikely(s->hollow))
		n = keep_touchable(s, want->size, objs, n, &rooms);
	*ret_rooms = rooms;
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

	bits_fill(s->mix.granules, unit * UNIT_GRANULES, UNIT_GRANULES);
	flip_last(s, (unit + 1) * UNIT_GRANULES - 1);
	s->nr_free += UNIT_GRANULES;
}

void mixed_check(const struct slab *s)
{
	unsigned int nr_free = 0;

	for (unsigned int i = 0; i < nr_granules(s); i += 64) {
		u64 free = s->mix.granules[i / 64];

		nr_free += popcount64(free);
		assert(!(free & atomic_load_explicit(last_word(s, i),
						     memory_order_relaxed)));
	}
	assert(nr_free == s->nr_free);
	(void)nr_free;
}
