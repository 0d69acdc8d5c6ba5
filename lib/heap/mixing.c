// SPDX-License-Identifier: MIT
/*
 * A program whose sizes shift leaves slabs behind that are partly vacant, class
 * by class, and rarely empty.  Before a class grows then, room is sought in mixed
 * slabs, the tightest run of all that fits first; if there is none, a slab of the
 * class with the most room is mixed.  A class that has room of its own always
 * uses that first, so that mixed slabs empty when times are calm.
 *
 * While the mix is the same a class just has more live objects at times than at
 * others, and a little growth is the end of it: that is not worth what mixed
 * objects cost.  So it begins when more is vacant than such a heap has vacant,
 * and goes on, to the last that is worth it, until nothing had to change for a
 * long time.
 *
 * What is freed of a mixed slab goes back at once and is joined with what is
 * free beside it: objects that wait in caches and are handed out again as they
 * are would keep the slivers between them for good, and cost a tenth of memory.
 * Only when nothing had to grow for a long time are they cached like others.
 */
#include "heap/mixing.h"

#include <errno.h>

#include "heap/misuse.h"
#include "rt/conf.h"
#include "slab/mixed.h"

enum {
	/*
	 * An object of a mixed slab costs several times one of a plain slab, and
	 * a small heap has little to gain: it stays plain.
	 */
	MIX_HEAP = 16 << 20, /* bytes of slabs */
	MIX_PART = 64,	     /* one in so many of their bytes is vacant */
	CALM_PART = 32,	     /* the same, not counting what is usual */
	DEVIATIONS = 4,	     /* by which a class has more objects at times */
	MIX_CLASSES = 4,     /* looked at for a slab to mix */
	MIX_SLABS = 8,	     /* of each level */
	MIX_TRIES = 4,	     /* slabs mixed before a class grows after all */
	CALM_TURNS = 2,	     /* times the heap's size is freed meanwhile */
};

/*
 * Put a mixed slab into the list; it is in none.  What is vacant of one that was
 * held has come into being without a note.
 */
void mixing_place(struct theap *h, struct slab *s)
{
	if (s->level == SLAB_HELD)
		rooms_note(&h->rooms, s, mixed_rooms(s));
	s->level = SLAB_MIXED;
	hlist_add(&s->hlink, &h->mixed);
}

/* Take a mixed slab out of the list.  It keeps its place among the rooms. */
void mixing_unplace(struct slab *s)
{
	hlist_del(&s->hlink);
}

/* The emptiest of the first slabs of a list that can be mixed, or NULL. */
static struct slab *emptiest(struct hlist *n)
{
	struct slab *found = NULL;

	for (unsigned int i = 0; n && i < MIX_SLABS; i++, n = n->next) {
		struct slab *s = container_of(n, struct slab, hlink);

		if (s->span.nr_units <= MIXED_UNITS &&
		    (!found || s->nr_free > found->nr_free))
			found = s;
	}
	return found;
}

/* A slab of class @c that is worth mixing, or NULL. */
static struct slab *candidate(struct theap *h, unsigned int c)
{
	for (unsigned int l = SLAB_LEVELS; l-- > 0;) {
		struct slab *s = emptiest(h->level[c][l]);

		if (s)
			return s;
	}
	return NULL;
}

static size_t vacant_bytes(const struct theap *h, unsigned int c)
{
	return (size_t)counter_read(&h->vacant[c]) * size_classes[c].size;
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

/* Bytes vacant in plain slabs. */
static size_t all_vacant(const struct theap *h)
{
	size_t vacant = 0;

	for (unsigned int c = 0; c < NR_CLASSES; c++)
		vacant += vacant_bytes(h, c);
	return vacant;
}

/* The emptiest slab of one of the classes with the most room, or NULL. */
static struct slab *slab_to_mix(struct theap *h)
{
	size_t below = SIZE_MAX;
	struct slab *s = NULL;

	for (unsigned int i = 0; i < MIX_CLASSES && !s; i++) {
		unsigned int from = most_vacant(h, below);

		s = candidate(h, from);
		below = vacant_bytes(h, from);
	}
	return s;
}

/*
 * The heap has to change to serve a class.  Until a good part of it was freed
 * without another change, what is free in mixed slabs is to be joined.
 */
static void strain(struct theap *h)
{
	atomic_store_explicit(&h->strain, CALM_TURNS * h->slab_bytes,
			      memory_order_relaxed);
}

/**
 * mixing_freed() - objects go back to their slabs, which may calm the heap
 * @h: the heap
 * @len: bytes of their slots
 */
void mixing_freed(struct theap *h, size_t len)
{
	size_t left = atomic_load_explicit(&h->strain, memory_order_relaxed);

	counter_add(&h->used, -len);
	atomic_store_explicit(&h->strain, left - min_size(left, len),
			      memory_order_relaxed);
}

/* Mix a slab that has room, if it is time for that. */
static bool mix_one(struct theap *h)
{
	struct rooms_node *leaf;
	struct slab *s = NULL;
	unsigned int nr_free, nr_slots;

	if (all_vacant(h) >= h->slab_bytes / MIX_PART)
		s = slab_to_mix(h);
	leaf = s ? rooms_prepare(&h->rooms) : NULL;
	if (!leaf)
		return false;
	nr_free = s->nr_free;
	nr_slots = s->nr_objs;
	theap_unplace(h, s);
	if (!mixed_make(s, h->id)) {
		theap_place(h, s);
		return false;
	}
	theap_count_slots(h, s->class, -nr_slots, -nr_free);
	h->mixed_bytes += slab_bytes(s);
	rooms_add(leaf, s);
	rooms_note(&h->rooms, s, mixed_rooms(s));
	theap_place(h, s);
	return true;
}

/* Objects of the tightest runs that hold them. */
static unsigned int take(struct theap *h, struct mixed_want *want, void **objs,
			 unsigned int nr)
{
	unsigned int least = size_class_of(mixed_need(want->size, want->align));
	unsigned int got = 0;
	struct slab *s;

	while (got < nr && least < NR_ROOMS &&
	       (s = rooms_find(&h->rooms, least, &want->room))) {
		unsigned int n;
		u64 rooms;

		want->is_longer = want->room > least;
		n = mixed_take(s, want, objs + got, nr - got, &rooms);
		if (!n || (n < nr - got && !want->is_longer))
			rooms_forget(&h->rooms, s, want->room);
		rooms_note(&h->rooms, s, rooms);
		got += n;
		if (unlikely(!n && rooms)) /* the hard limit forbids it */
			break;
	}
	return got;
}

/* Square root, to an eighth. */
static u32 root(u32 n)
{
	u32 r = 1u << (log2_floor(n | 1) + 1) / 2;

	return (r + n / r) / 2;
}

/*
 * Bytes that a class has vacant at any time while the mix of sizes is steady: a
 * slab that is in use, and what it needs now and then.  How many objects it has
 * varies by the root of their number if they come and go at random.
 */
static size_t usual(unsigned int c, u32 nr_live)
{
	const struct size_class *k = &size_classes[c];

	return ((size_t)k->units << UNIT_SHIFT) +
	       (size_t)DEVIATIONS * root(nr_live) * k->size;
}

/* Bytes vacant beyond that, and beyond empty slabs, which serve any class. */
static size_t surplus(const struct theap *h)
{
	size_t most = (size_t)h->spare_units << UNIT_SHIFT;
	size_t used = theap_used(h), vacant = 0;

	for (unsigned int c = 0; c < NR_CLASSES; c++) {
		u32 nr = counter_read(&h->slots[c]);
		u32 nr_live = nr - counter_read(&h->vacant[c]);

		if (!nr)
			continue;
		used -= (size_t)nr_live * size_classes[c].size;
		vacant += vacant_bytes(h, c);
		most += min_size(vacant_bytes(h, c), usual(c, nr_live));
	}
	vacant += h->mixed_bytes - used;
	return vacant - min_size(vacant, most);
}

/**
 * mixing_is_due() - is so much vacant that a class had better not grow?
 * @h: the heap
 */
bool mixing_is_due(const struct theap *h)
{
	size_t least = h->slab_bytes / CALM_PART;

	if (h->slab_bytes < MIX_HEAP)
		return false;
	if (!mixing_is_calm(h))
		return true;
	return h->slab_bytes - theap_used(h) >= least && surplus(h) >= least;
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
	size_t size = size_classes[c].size;
	struct mixed_want want = {.size = size, .align = 1 << CLASS_GRAIN_SHIFT};
	unsigned int got;

	if (c >= NR_ROOMS)
		return 0;
	if (atomic_load_explicit(&h->aligned, memory_order_relaxed) >> c & 1)
		want.align = size & -size;
	got = take(h, &want, objs, nr);
	for (unsigned int i = 0; !got && i < MIX_TRIES; i++) {
		strain(h);
		if (!mix_one(h))
			break;
		got = take(h, &want, objs, nr);
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
	unsigned int room = 0;
	int len = mixed_put(s, obj, &room);

	if (len < 0)
		misuse_die(len == -EALREADY ? MISUSE_DOUBLE : MISUSE_INVALID,
			   obj);
	if (likely(!mixed_is_empty(s))) {
		rooms_note(&h->rooms, s, 1ULL << room);
		return len;
	}
	theap_unplace(h, s);
	rooms_remove(&h->rooms, s);
	h->slab_bytes -= slab_bytes(s);
	h->mixed_bytes -= slab_bytes(s);
	slab_destroy(s, &rest);
	slab_flush(&rest);
	return len;
}

/**
 * mixing_is_calm() - may objects of mixed slabs wait in the cache?
 * @h: the heap; its lock need not be held
 */
bool mixing_is_calm(const struct theap *h)
{
	return !atomic_load_explicit(&h->strain, memory_order_relaxed);
}

static struct slab *slab_of_loose(const struct theap *h, void *obj)
{
	u64 entry = space_load(obj);

	if (((u32)entry ^ h->id << ENTRY_OWNER_SHIFT) != CLASS_MIXED)
		misuse_die(MISUSE_DOUBLE, obj); /* its slab has gone since */
	return slab_of_entry(entry);
}

/**
 * mixing_flush() - put back what has gathered
 * @h: the caller's heap; its lock is not held
 *
 * Headers and maps lie apart, those of one object far from those of the next:
 * all are fetched before the first is needed.
 */
void mixing_flush(struct theap *h)
{
	unsigned int nr = h->nr_loose;
	size_t freed = 0;

	h->nr_loose = 0;
	lock_acquire(&h->lock);
	for (unsigned int i = 0; i < nr; i++)
		__builtin_prefetch(slab_of_loose(h, h->loose[i]));
	for (unsigned int i = 0; i < nr; i++)
		mixed_prefetch(slab_of_loose(h, h->loose[i]), h->loose[i]);
	for (unsigned int i = 0; i < nr; i++)
		freed += mixing_put(h, slab_of_loose(h, h->loose[i]),
				    h->loose[i]);
	mixing_freed(h, freed);
	h->nr_flushes++;
	lock_release(&h->lock);
}

/**
 * mixing_free() - an object of a mixed slab goes back, in a while
 * @h: the caller's heap; its lock is not held
 * @obj: the object
 */
void mixing_free(struct theap *h, void *obj)
{
	h->loose[h->nr_loose++] = obj;
	if (h->nr_loose == MOST_LOOSE || conf.harden)
		mixing_flush(h);
}

/**
 * mixing_align() - from now on objects of a class are aligned as slots are
 * @h: the heap; its lock need not be held
 * @c: class
 *
 * That takes room of nearly twice the size at times, and so it is done only for
 * classes that somebody has asked an alignment of.
 */
void mixing_align(struct theap *h, unsigned int c)
{
	atomic_fetch_or_explicit(&h->aligned, 1ULL << c, memory_order_relaxed);
}

/* Invariants of the mixed slabs of a heap. */
void mixing_check(struct theap *h)
{
	for (struct hlist *n = h->mixed; n; n = n->next) {
		struct slab *s = container_of(n, struct slab, hlink);

		mixed_check(s);
		assert(s->level == SLAB_MIXED);
		assert(!(mixed_rooms(s) & ~rooms_of(s)));
		(void)s;
	}
}
