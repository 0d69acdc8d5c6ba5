// SPDX-License-Identifier: MIT
/*
 * Slabs of a thread heap, by class and fullness, and those that are empty.
 */
#include "heap/theap.h"

#include "heap/misuse.h"
#include "heap/mixing.h"
#include "heap/parcel.h"
#include "hpheap/choose.h"
#include "hpheap/place.h"
#include "os/sys.h"
#include "rt/conf.h"

enum {
	FETCH_AHEAD = 8, /* objects */
	FEW_SLABS = 4, /* of a class: small ones */
	FEW_LARGE = 8, /* the same, of objects larger than a unit */
	SPARE_TIMES = 4,
	GOOD_PART = 8, /* of all slabs, that are empty */
	GOOD_TIMES = 4, /* as long as the slab that is needed */
	MANY_SPARE = 3, /* a third of what may be kept */
	SPARES_SEEN = 8, /* empty slabs looked at for another class */
	WIDE_FROM = 16,	  /* slabs' worth: one twice as long is a small part */
	WIDEST_FROM = 64, /* and so is one four times as long */
	BATCH_PART = 16,  /* of a class: most that it takes at once */
};

/* Put a slab where its fullness says; it is in no list.  Lock held. */
void theap_place(struct theap *h, struct slab *s)
{
	if (s->is_mixed) {
		mixing_place(h, s);
		return;
	}
	s->level = slab_level(s);
	s->move_at = slab_next_level(s);
	if (s->level < SLAB_LEVELS) {
		hlist_add(&s->hlink, &h->level[s->class][s->level]);
	} else if (s->level == SLAB_EMPTY) {
		hlist_add(&s->hlink, &h->empty[s->class]);
		list_add(&s->link, &h->spare);
		h->spare_units += s->span.nr_units;
	}
}

/* Take a slab out of its list.  Lock held. */
void theap_unplace(struct theap *h, struct slab *s)
{
	if (s->level < SLAB_LEVELS) {
		hlist_del(&s->hlink);
	} else if (s->level == SLAB_EMPTY) {
		hlist_del(&s->hlink);
		list_del(&s->link);
		h->spare_units -= s->span.nr_units;
	} else if (s->level == SLAB_MIXED) {
		mixing_unplace(s);
	}
}

/* An empty slab is one of its class no more. */
static void count_gone(struct theap *h, const struct slab *s)
{
	struct turnover *t = &h->turnover[s->class];
	size_t left;

	theap_count_slots(h, s->class, -s->nr_objs, -s->nr_objs);
	left = theap_class_bytes(h, s->class);
	if (turnover_is_over(t, left))
		turnover_ends(t, left, os_now_ms());
}

/* Give empty slabs back, the oldest first, down to @keep units. */
static noinline void shed_to(struct theap *h, unsigned int keep)
{
	struct slab_rest rest = { 0, 0 };

	while (h->spare_units > keep) {
		struct slab *s = container_of(h->spare.prev, struct slab, link);

		theap_unplace(h, s);
		count_gone(h, s);
		h->slab_bytes -= slab_bytes(s);
		slab_destroy(s, &rest);
	}
	slab_flush(&rest);
}

/*
 * Units in empty slabs that a heap may keep: some, and more while much is in
 * use, so that little is left when all has been freed.  Where they come from a
 * class that comes and goes, they will be needed again: then four times as many.
 */
static inline unsigned int most_spare(const struct theap *h, bool is_fleeting)
{
	unsigned int least = atomic_load_explicit(&h->max_spare,
						  memory_order_relaxed);
	size_t part = h->slab_bytes / 2 >> UNIT_SHIFT;
	size_t most = max_size(least, min_size(part, SPARE_TIMES * least));

	return is_fleeting ? most : most / SPARE_TIMES;
}

/* Too many?  Then some more at once, since neighbours go back together. */
static inline void shed(struct theap *h, bool is_fleeting)
{
	unsigned int most = most_spare(h, is_fleeting);

	if (unlikely(h->spare_units > most))
		shed_to(h, most / 4 * 3);
}

static enum slab_geometry geometry_of(struct theap *h, unsigned int c)
{
	unsigned int few = size_classes[c].size > UNIT_SIZE ? FEW_LARGE :
							      FEW_SLABS;

	if (h->slots[c] < few * slab_slots(c, SLAB_STARTER) || h->is_frugal)
		return SLAB_STARTER;
	if (h->slots[c] < WIDE_FROM * size_classes[c].nr_objs)
		return SLAB_NORMAL;
	if (h->slots[c] < WIDEST_FROM * size_classes[c].nr_objs)
		return SLAB_WIDE;
	return SLAB_WIDEST;
}

/*
 * A class that has many slabs gets more than one at once.  What would drive
 * other empty slabs out goes back by twos and threes, and leaves holes in huge
 * pages.
 */
static unsigned int batch_of(struct theap *h, unsigned int c)
{
	unsigned int units = slab_units(c, geometry_of(h, c));
	unsigned int part = theap_class_bytes(h, c) / BATCH_PART >> UNIT_SHIFT;
	unsigned int most = most_spare(h, h->turnover[c].is_fleeting);
	unsigned int room = most - min_size(h->spare_units, most);
	unsigned int nr = min_size(part, min_size(room, most / 4)) / units;

	return max_size(min_size(nr, SLAB_BATCH), 1);
}

/* What stays does not go where others come and go. */
static bool may_turn(const struct theap *h, const struct slab *s,
		     unsigned int c)
{
	return slab_may_turn(s, c) && (h->turnover[c].is_fleeting ||
				       !choose_is_fleeting(s->span.unit));
}

/* Before the class gets another slab. */
static void class_grows(struct theap *h, unsigned int c)
{
	turnover_grows(&h->turnover[c], theap_class_bytes(h, c), os_now_ms());
}

/*
 * An empty slab of another class that will do, made one of this; unplaced.
 * NULL if there is none among those that came empty last.
 */
static struct slab *turn_spare(struct theap *h, unsigned int c)
{
	struct list *n = h->spare.next;

	for (unsigned int i = 0; i < SPARES_SEEN && n != &h->spare; i++) {
		struct slab *s = container_of(n, struct slab, link);

		if (may_turn(h, s, c)) {
			theap_unplace(h, s);
			count_gone(h, s);
			slab_turn(s, c, h->id);
			class_grows(h, c);
			theap_count_slots(h, c, s->nr_objs, s->nr_objs);
			return s;
		}
		n = n->next;
	}
	return NULL;
}

/* A new slab, unplaced; those that came with it are spare. */
static noinline struct slab *new_slab(struct theap *h, unsigned int c)
{
	struct slab_want want = {
		.class = c,
		.geometry = geometry_of(h, c),
		.owner = h->id,
	};
	struct slab *slabs[SLAB_BATCH];
	unsigned int nr, nr_slots;

	want.node = place_node();
	class_grows(h, c);
	want.is_fleeting = h->turnover[c].is_fleeting;
	nr = slab_create(&want, batch_of(h, c), slabs);
	if (!nr)
		return NULL;
	nr_slots = nr * slabs[0]->nr_objs;
	theap_count_slots(h, c, nr_slots, nr_slots);
	h->slab_bytes += slab_bytes(slabs[0]) * nr;
	while (--nr)
		theap_place(h, slabs[nr]);
	return slabs[0];
}

/* The fullest slab with a free slot, or NULL; it stays in its list.  Lock held. */
static inline struct slab *slab_at_hand(struct theap *h, unsigned int c)
{
	struct hlist *n = h->empty[c];

	for (unsigned int l = SLAB_LEVELS; l--;)
		if (h->level[c][l])
			n = h->level[c][l];
	return n ? container_of(n, struct slab, hlink) : NULL;
}

/*
 * Slots of plain slabs that the class has.  Most often a slab stays as full as
 * the others of its list, and so where it is.
 */
static inline unsigned int take_at_hand(struct theap *h, unsigned int c,
					void **objs, unsigned int nr)
{
	struct slab *s = slab_at_hand(h, c);
	unsigned int n;

	if (unlikely(!s))
		return 0;
	n = slab_take(s, objs, nr);
	theap_count_vacant(h, c, -n);
	if (s->level != slab_level(s)) {
		theap_unplace(h, s);
		theap_place(h, s);
	}
	return n;
}

/*
 * Enough empty slabs for one to serve another class before room in mixed slabs
 * does, object by object; fewer, and vacant memory is to be used up first.
 */
static bool has_many_spare(const struct theap *h)
{
	return h->spare_units > most_spare(h, true) / MANY_SPARE;
}

/*
 * The heap is about to take memory, and none of its empty slabs will do: if they
 * are a good part of it, the older half goes back first, to be taken again in
 * other lengths.  Those that came ahead of need are never so many, and stay.
 */
static void recut(struct theap *h, unsigned int c)
{
	unsigned int need = slab_units(c, geometry_of(h, c));

	if (h->spare_units >= GOOD_TIMES * need &&
	    h->spare_units >= h->slab_bytes / GOOD_PART >> UNIT_SHIFT)
		shed_to(h, h->spare_units / 2);
}

/*
 * The class has no room.  Return: how many objects of mixed slabs there are; if
 * 0, *@ret_slab is another slab of the class, in its list, or NULL.
 */
static noinline unsigned int find_room(struct theap *h, unsigned int c,
				       void **objs, unsigned int nr,
				       struct slab **ret_slab)
{
	/* Hardened slabs keep to one class. */
	bool is_due = !conf.harden && mixing_is_due(h);
	struct slab *s = NULL;
	unsigned int n;

	if (!is_due || has_many_spare(h))
		s = turn_spare(h, c);
	if (!s && is_due) {
		n = mixing_refill(h, c, objs, nr);
		if (n)
			return n;
		s = turn_spare(h, c);
	}
	if (!s) {
		recut(h, c);
		s = new_slab(h, c);
	}
	*ret_slab = s;
	if (s)
		theap_place(h, s);
	else if (!is_due && !conf.harden) /* no memory: any room will do */
		return mixing_refill(h, c, objs, nr);
	return 0;
}

/**
 * theap_refill() - take objects out of slabs
 * @h: the heap
 * @c: class
 * @objs: receives them
 * @nr: how many are wanted, at least 1
 *
 * Return: how many there are; 0 when out of memory.
 */
unsigned int theap_refill(struct theap *h, unsigned int c, void **objs,
			  unsigned int nr)
{
	unsigned int got = 0, n;
	struct slab *s;

	lock_acquire(&h->lock);
	while (got < nr) {
		n = take_at_hand(h, c, objs + got, nr - got);
		got += n;
		if (n)
			continue;
		if (slab_at_hand(h, c)) /* the hard limit forbids its use */
			break;
		n = find_room(h, c, objs + got, nr - got, &s);
		got += n;
		if (!n && !s)
			break;
	}
	counter_add(&h->used, (size_t)got * size_classes[c].size);
	h->nr_refills++;
	lock_release(&h->lock);
	return got;
}

/* A slab has reached the fullness at which it belongs elsewhere. */
static noinline void move(struct theap *h, struct slab *s)
{
	if (s->level == SLAB_HELD)
		return;
	theap_unplace(h, s);
	theap_place(h, s);
}

static inline u64 entry_of(const void *obj)
{
	return atomic_load_explicit(space_entry(space_unit(obj)),
				    memory_order_relaxed);
}

/*
 * What is not live in a plain slab of class @c, as which it was freed: of a
 * mixed slab, or a mistake.  @entry: @obj's entry.
 */
static noinline void put_other(struct theap *h, u64 entry, unsigned int c,
			       void *obj)
{
	unsigned int is = (u32)entry ^ h->id << ENTRY_OWNER_SHIFT;

	if (is == CLASS_MIXED) {
		if (mixing_put(h, slab_of_entry(entry), obj) !=
		    size_classes[c].size)
			misuse_die(MISUSE_SIZE, obj);
		theap_count_vacant(h, c, -1); /* counted as a slot of a plain one */
		return;
	}
	if (is >= NR_CLASSES) /* its slab has gone since */
		misuse_die(MISUSE_DOUBLE, obj);
	if (slab_slot(slab_of_entry(entry), obj) == MAX_SLAB_OBJS)
		misuse_die(MISUSE_INVALID, obj);
	misuse_die(is == c ? MISUSE_DOUBLE : MISUSE_SIZE, obj);
}

/*
 * Put back the first of @objs, and those behind it that are of the same slab.
 * Lock held.  The caller counts the bytes and the slots.
 */
static inline unsigned int put(struct theap *h, u64 entry, unsigned int c,
			       void **objs, unsigned int nr)
{
	struct slab *s = slab_of_entry(entry);
	unsigned int n = 0;

	if (likely((u32)entry == (h->id << ENTRY_OWNER_SHIFT | c)))
		n = slab_put(s, objs, nr);
	if (unlikely(!n)) {
		put_other(h, entry, c, *objs);
		return 1;
	}
	if (unlikely(s->nr_free >= s->move_at))
		move(h, s);
	return n;
}

/**
 * theap_return() - put objects back into slabs
 * @h: the heap that owns them
 * @c: class of all of them
 * @objs: the objects
 * @nr: how many
 */
void theap_return(struct theap *h, unsigned int c, void **objs, unsigned int nr)
{
	unsigned int n;

	lock_acquire(&h->lock);
	mixing_freed(h, (size_t)nr * size_classes[c].size);
	theap_count_vacant(h, c, nr);
	for (; nr; objs += n, nr -= n) {
		/* Headers lie apart: fetch them before they are needed. */
		if (nr > FETCH_AHEAD) {
			char *s = (char *)slab_of_entry(
				entry_of(objs[FETCH_AHEAD]));

			__builtin_prefetch(s, 1);
			__builtin_prefetch(s + CACHE_LINE, 1);
		}
		n = put(h, entry_of(*objs), c, objs, nr);
	}
	shed(h, h->turnover[c].is_fleeting);
	h->nr_flushes++;
	lock_release(&h->lock);
}

/**
 * theap_drain() - put what others have freed back into slabs
 * @h: the heap; lock held
 */
void theap_drain(struct theap *h)
{
	struct parcel *all = parcel_take_inbox(h);

	for (struct parcel *p = all; p; p = p->next) {
		for (u64 i = 0, n; i < p->nr; i += n) {
			u64 entry = entry_of(p->objs[i]);
			u8 c = slab_object_class(entry, p->objs[i]);

			n = put(h, entry, c, p->objs + i, p->nr - i);
			mixing_freed(h, n * size_classes[c].size);
			theap_count_vacant(h, c, n);
		}
	}
	parcel_give_back(h, all);
	shed(h, false);
}

/* Bytes in free slots of a heap's slabs. */
size_t theap_vacant(struct theap *h)
{
	size_t vacant;

	lock_acquire(&h->lock);
	vacant = h->slab_bytes - h->used;
	lock_release(&h->lock);
	return vacant;
}

/* Bytes of the slabs of a class, about. */
size_t theap_class_bytes(const struct theap *h, unsigned int c)
{
	return (size_t)counter_read(&h->slots[c]) * size_classes[c].size;
}

/* Free slots in slabs of a class. */
unsigned int theap_class_vacant(const struct theap *h, unsigned int c)
{
	return counter_read(&h->vacant[c]);
}

/* Bytes of slots that caches or users have. */
size_t theap_used(const struct theap *h)
{
	return counter_read(&h->used);
}

/* Give empty slabs back, down to @keep units; lock held. */
void theap_trim(struct theap *h, unsigned int keep)
{
	shed_to(h, keep);
}

/* What others have freed goes into slabs; empty ones go, down to @keep units. */
void theap_tidy(struct theap *h, unsigned int keep)
{
	lock_acquire(&h->lock);
	theap_drain(h);
	theap_trim(h, keep);
	lock_release(&h->lock);
}

/* Invariants of a heap; lock held. */
void theap_check(struct theap *h)
{
	u32 units = 0;

	for (unsigned int c = 0; c < NR_CLASSES; c++)
		for (unsigned int l = 0; l < SLAB_LEVELS; l++)
			for (struct hlist *n = h->level[c][l]; n; n = n->next) {
				struct slab *s =
					container_of(n, struct slab, hlink);

				slab_check(s);
				assert(s->class == c && slab_level(s) == l);
				(void)s;
			}
	mixing_check(h);
	for (struct list *n = h->spare.next; n != &h->spare; n = n->next)
		units += container_of(n, struct slab, link)->span.nr_units;
	assert(units == h->spare_units);
	(void)units;
}
