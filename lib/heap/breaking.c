// SPDX-License-Identifier: MIT
/*
 * A walk over the huge pages of a backend that gives back parts of one only all
 * together (ASHLAR_IOC_BREAK).  The page map leads to the slabs that lie in a
 * huge page; those with vacant units are held, as lib/heap/reclaim.c does,
 * while the huge page is broken, or, if it is broken already, gives back more.
 *
 * Run under reclaim's lock, one walk at a time.
 */
#include "heap/breaking.h"

#include "heap/theap.h"
#include "hpheap/hpheap.h"
#include "os/sys.h"
#include "rt/conf.h"

enum { DENSE_UNITS = HPAGE_UNITS / 2 };

struct held {
	struct theap *heap;
	struct slab *slab;
	u32 units;
};

/* The slabs of one huge page; of the walk. */
static struct held held[HPAGE_UNITS];

/* Units of slabs of a huge page in which no object is live. */
struct vacancy {
	unsigned int nr;     /* given back ones, too */
	unsigned int nr_new; /* not given back */
	struct bitmap
		quiet; /* of these, in slabs at rest since the last walk */
};

/*
 * The slab that a unit lies in, with the lock of its heap held, or NULL: the
 * map is read without one, and looked at again under it.
 */
static struct slab *lock_slab(size_t unit, struct theap **ret_heap)
{
	u64 entry =
		atomic_load_explicit(space_entry(unit), memory_order_acquire);
	u32 id = (u32)entry >> ENTRY_OWNER_SHIFT;
	struct theap *h = id && id < MAX_THEAPS ? theap_by_id(id) : NULL;

	if (!h)
		return NULL;
	lock_acquire(&h->lock);
	if (entry ==
	    atomic_load_explicit(space_entry(unit), memory_order_relaxed)) {
		*ret_heap = h;
		return slab_of_entry(entry);
	}
	lock_release(&h->lock);
	return NULL;
}

/* Calls @fn for each slab of a huge page, the lock of its heap held. */
static void each_slab(size_t hpage,
		      void (*fn)(struct theap *h, struct slab *s, void *arg),
		      void *arg)
{
	size_t unit = hpage * HPAGE_UNITS, end = unit + HPAGE_UNITS;
	struct theap *h;

	while (unit < end) {
		struct slab *s = lock_slab(unit, &h);

		if (!s) {
			unit++;
			continue;
		}
		unit = s->span.unit + s->span.nr_units;
		fn(h, s, arg);
		lock_release(&h->lock);
	}
}

static void count(struct theap *h, struct slab *s, void *arg)
{
	struct vacancy *v = arg;
	u32 units = slab_vacant(s);

	(void)h;
	v->nr += popcount64(units | s->hollow);
	v->nr_new += popcount64(units);
	if (s->seen_free == s->nr_free)
		for (u32 m = units; m; m &= m - 1)
			bitmap_set(&v->quiet,
				   s->span.unit % HPAGE_UNITS + ctz64(m));
	s->seen_free = s->nr_free;
}

/*
 * A page that is whole is broken if it is sparse and has aged, and if most of
 * what is vacant in it is at rest: the rest would have to be copied.
 */
static bool is_worth_it(const struct hpage_view *hp, const struct vacancy *v)
{
	unsigned int nr_quiet = bitmap_count_range(&v->quiet, 0, HPAGE_UNITS);
	long age = (u32)os_now_ms() - hp->since_ms;

	if (hp->is_broken)
		return nr_quiet;
	return nr_quiet + hp->nr_dirty && age >= conf.dirty_decay_ms &&
	       hp->nr_used < DENSE_UNITS + v->nr && 2 * nr_quiet >= v->nr_new;
}

struct holding {
	const struct bitmap *wanted; /* NULL: all that is vacant */
	struct bitmap vacant;
	unsigned int nr;
};

static void hold(struct theap *h, struct slab *s, void *arg)
{
	struct holding *hold = arg;
	unsigned int at = s->span.unit % HPAGE_UNITS;
	u32 units = slab_vacant(s);

	for (u32 m = units; m; m &= m - 1) {
		unsigned int u = at + ctz64(m);

		if (hold->wanted && !bitmap_test(hold->wanted, u))
			units &= ~(m & -m);
		else
			bitmap_set(&hold->vacant, u);
	}
	if (!units)
		return;
	theap_unplace(h, s);
	slab_hold(s, units);
	held[hold->nr++] = (struct held){h, s, units};
}

static void unhold(const struct holding *hold, bool is_hollow)
{
	for (unsigned int i = 0; i < hold->nr; i++) {
		struct held *x = &held[i];

		lock_acquire(&x->heap->lock);
		slab_unhold(x->slab, x->units, is_hollow);
		theap_place(x->heap, x->slab);
		lock_release(&x->heap->lock);
	}
}

/* Units of slabs given back. */
static size_t break_one(size_t hpage, const struct bitmap *wanted)
{
	struct holding holding = {.wanted = wanted};
	bool is_done;

	each_slab(hpage, hold, &holding);
	is_done = hpheap_break(hpage, &holding.vacant);
	unhold(&holding, is_done);
	return is_done ? bitmap_count_range(&holding.vacant, 0, HPAGE_UNITS)
		       : 0;
}

static size_t look_at(size_t hpage, enum reclaim_how how)
{
	struct vacancy v = {.nr = 0};
	struct hpage_view hp;

	if (hpheap_hollow_how(hpage * HPAGE_UNITS) != HOLLOW_BREAK ||
	    !hpheap_look(hpage, &hp) || !hp.nr_used)
		return 0;
	each_slab(hpage, count, &v);
	if (how == RECLAIM_ALL)
		return v.nr_new || hp.nr_dirty ? break_one(hpage, NULL) : 0;
	return is_worth_it(&hp, &v) ? break_one(hpage, &v.quiet) : 0;
}

/**
 * breaking_walk() - give vacant base pages of slabs back
 * @how: of sparse huge pages, or of all
 * @is_stopping: the walk is to end soon
 *
 * Return: units given back.
 */
size_t breaking_walk(enum reclaim_how how, const _Atomic bool *is_stopping)
{
	size_t end = space_end_hpage(), done = 0;

	for (size_t i = space_first_hpage(); i < end && !*is_stopping; i++)
		done += look_at(i, how);
	return done;
}
