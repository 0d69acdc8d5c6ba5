// SPDX-License-Identifier: MIT
/*
 * A program whose sizes shift leaves slabs behind that are partly vacant, class
 * by class, and rarely empty.  Before a class grows, room is sought in mixed
 * slabs, the tightest that fits first; then, if much of the heap is vacant, a
 * slab of the class with the most room is mixed.  A class that has room of its
 * own always uses that first, so that mixed slabs empty when times are calm.
 */
#include "heap/mixing.h"

#include <errno.h>

#include "heap/misuse.h"
#include "slab/mixed.h"

enum {
	/*
	 * An object of a mixed slab costs several times one of a plain slab, and
	 * a small heap has little to gain: it stays plain.
	 */
	MIX_HEAP = 16 << 20,   /* bytes of slabs */
	MIX_FROM = 1 << 20,    /* bytes vacant in plain slabs, and */
	MIX_PART = 32,	       /* one in so many of all bytes */
	MIX_CLASSES = 4,       /* looked at for a slab to mix */
	MIX_SLABS = 8,	       /* of each level */
	NO_ROOM = NR_MIXED,
};

/* The largest class that has room in @granules; NO_ROOM if none. */
static unsigned int room_class(unsigned int granules)
{
	size_t size = (size_t)granules << CLASS_GRAIN_SHIFT;
	unsigned int c;

	if (!size)
		return NO_ROOM;
	if (size >= size_classes[NR_MIXED - 1].size)
		return NR_MIXED - 1;
	c = size_class_of(size);
	return size_classes[c].size > size ? c - 1 : c;
}

/* Put a mixed slab where its longest run says; it is in no list. */
void mixing_place(struct theap *h, struct slab *s)
{
	s->level = SLAB_MIXED;
	s->room = room_class(s->longest);
	if (s->room == NO_ROOM)
		return;
	hlist_add(&s->hlink, &h->mixed[s->room]);
	h->mixed_rooms |= 1ULL << s->room;
}

/* Take a mixed slab out of its list. */
void mixing_unplace(struct theap *h, struct slab *s)
{
	if (s->room == NO_ROOM)
		return;
	hlist_del(&s->hlink);
	if (!h->mixed[s->room])
		h->mixed_rooms &= ~(1ULL << s->room);
}

/* The tightest mixed slab with room for @need bytes, or NULL. */
static struct slab *find(struct theap *h, size_t need)
{
	unsigned int c = size_class_of(need);
	u64 rooms = h->mixed_rooms >> c << c;

	if (!rooms)
		return NULL;
	return container_of(h->mixed[ctz64(rooms)], struct slab, hlink);
}

/* The emptiest of the first slabs of a list that can be mixed, or NULL. */
static struct slab *emptiest(struct hlist *n)
{
	struct slab *found = NULL;

	for (unsigned int i = 0; n && i < MIX_SLABS; i++, n = n->next) {
		struct slab *s = container_of(n, struct slab, hlink);

		if (s->span.nr_units <= MIXED_UNITS && !s->hollow &&
		    (!found || s->nr_free > found->nr_free))
			found = s;
	}
	return found;
}

/* A slab of class @c that is worth mixing, with room for @need bytes. */
static struct slab *candidate(struct theap *h, unsigned int c, size_t need)
{
	for (unsigned int l = SLAB_LEVELS; l-- > 0;) {
		struct slab *s = emptiest(h->level[c][l]);

		if (s && slab_longest_free(s) * size_classes[c].size >= need)
			return s;
	}
	return NULL;
}

static size_t vacant_bytes(const struct theap *h, unsigned int c)
{
	return (size_t)h->vacant[c] * size_classes[c].size;
}

/* The class with the most bytes vacant, but less than @below. */
static unsigned int most_vacant(const struct theap *h, size_t below)
{
	unsigned int most = 0;
	size_t bytes = 0;

	for (unsigned int c = 0; c < NR_CLASSES; c++) {
		size_t vacant = vacant_bytes(h, c);

		if (vacant > bytes && vacant < below) {
			bytes = vacant;
			most = c;
		}
	}
	return most;
}

static bool is_vacant(const struct theap *h)
{
	size_t vacant = 0;

	if (h->slab_bytes - h->used < MIX_FROM)
		return false;
	for (unsigned int c = 0; c < NR_CLASSES; c++)
		vacant += vacant_bytes(h, c);
	return vacant >= MIX_FROM && vacant >= h->slab_bytes / MIX_PART;
}

/* Mix a slab that has room; unplaced; NULL if there is none. */
static struct slab *convert(struct theap *h, size_t need)
{
	size_t below = SIZE_MAX;
	struct slab *s = NULL;

	if (!is_vacant(h))
		return NULL;
	for (unsigned int i = 0; i < MIX_CLASSES && !s; i++) {
		unsigned int from = most_vacant(h, below);

		s = candidate(h, from, need);
		below = vacant_bytes(h, from);
	}
	if (!s)
		return NULL;
	theap_unplace(h, s);
	h->vacant[s->class] -= s->nr_free;
	h->nr_slabs[s->class]--;
	if (mixed_make(s, h->id))
		return s;
	h->vacant[s->class] += s->nr_free;
	h->nr_slabs[s->class]++;
	theap_place(h, s);
	return NULL;
}

/**
 * mixing_refill() - take objects out of mixed slabs
 * @h: the heap
 * @c: class
 * @objs: receives them
 * @nr: how many are wanted
 *
 * Return: how many there are; 0 if the class had better grow.
 */
unsigned int mixing_refill(struct theap *h, unsigned int c, void **objs,
			   unsigned int nr)
{
	size_t need = mixed_need(size_classes[c].size);
	unsigned int got = 0;

	if (h->slab_bytes < MIX_HEAP)
		return 0;
	while (got < nr && need <= size_classes[NR_MIXED - 1].size) {
		struct slab *s = find(h, need);
		unsigned int n;

		if (s)
			theap_unplace(h, s);
		else
			s = convert(h, need);
		if (!s)
			break;
		n = mixed_take(s, size_classes[c].size, objs + got, nr - got);
		theap_place(h, s);
		if (!n)
			break;
		got += n;
	}
	return got;
}

/**
 * mixing_put() - put an object of a mixed slab back
 * @h: the heap
 * @s: the slab
 * @obj: the object
 *
 * Ends the process if it is no object at all.
 *
 * Return: its length in bytes.
 */
size_t mixing_put(struct theap *h, struct slab *s, void *obj)
{
	struct slab_rest rest = { 0, 0 };
	int len = mixed_put(s, obj);

	if (len < 0)
		misuse_die(len == -EALREADY ? MISUSE_DOUBLE : MISUSE_INVALID,
			   obj);
	if (s->level == SLAB_HELD)
		return len;
	if (mixed_is_empty(s)) {
		theap_unplace(h, s);
		h->slab_bytes -= (size_t)s->span.nr_units << UNIT_SHIFT;
		slab_destroy(s, &rest);
		slab_flush(&rest);
	} else if (room_class(s->longest) != s->room) {
		theap_unplace(h, s);
		theap_place(h, s);
	}
	return len;
}

/* Invariants of the mixed slabs of a heap. */
void mixing_check(struct theap *h)
{
	for (unsigned int c = 0; c < NR_MIXED; c++) {
		assert(!h->mixed[c] == !(h->mixed_rooms >> c & 1));
		for (struct hlist *n = h->mixed[c]; n; n = n->next) {
			struct slab *s = container_of(n, struct slab, hlink);

			mixed_check(s);
			assert(s->level == SLAB_MIXED && s->room == c);
			(void)s;
		}
	}
}
