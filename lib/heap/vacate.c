// SPDX-License-Identifier: MIT
/*
 * What is vacant in the slabs of a huge page goes back.  The page map leads to
 * the slabs; of each the heap's lock is held for no longer than one look takes.
 * Those with vacant units are held, which keeps their objects from being handed
 * out, while the kernel takes the units back without a lock.
 *
 * That is done part by part, or, where a backend gives back parts of a huge page
 * only all together (ASHLAR_IOC_BREAK), by breaking it, or more of it.
 *
 * Run under reclaim's lock, one huge page at a time.
 */
#include "heap/vacate.h"

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

/* The slabs of one huge page. */
static struct held held[HPAGE_UNITS];

/* Units of slabs of a huge page in which no object is live. */
struct vacancy {
	enum reclaim_how how;
	enum hollow_how by;
	unsigned int nr;     /* given back ones, too */
	unsigned int nr_new; /* not given back */
	unsigned int nr_wanted;
	/* Of these: all, or those in slabs at rest since the last look. */
	struct bitmap wanted;
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

/* Few of the huge pages that large blocks lie in have any. */
static bool has_slabs(size_t hpage)
{
	return atomic_load_explicit(&space.hpages[hpage].nr_slabs,
				    memory_order_relaxed);
}

/* Calls @fn for each slab of a huge page, the lock of its heap held. */
static void each_slab(size_t hpage,
		      void (*fn)(struct theap *h, struct slab *s, void *arg),
		      void *arg)
{
	size_t unit = hpage * HPAGE_UNITS, end = unit + HPAGE_UNITS;
	struct theap *h;

	if (!has_slabs(hpage))
		return;
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

/* Has nothing come or gone since the last look, or in the heap for long? */
static bool is_quiet(const struct theap *h, const struct slab *s)
{
	return s->seen_free == s->nr_free ||
	       (h->is_settled && h->seen_turns == theap_turns(h));
}

static void count(struct theap *h, struct slab *s, void *arg)
{
	struct vacancy *v = arg;
	unsigned int at = s->span.unit % HPAGE_UNITS;
	u32 units = slab_vacant(s);

	/* An empty one is whole again sooner than it is vacated. */
	if (v->by == HOLLOW_PARTS && s->level == SLAB_EMPTY)
		return;
	/* What loses nothing is filled before what does: a refill is 0.6 % less. */
	if (!units && v->how == RECLAIM_ALL) {
		theap_unplace(h, s);
		theap_place(h, s);
	}
	v->nr += popcount64(units | s->hollow);
	v->nr_new += popcount64(units);
	if (v->how == RECLAIM_ALL || is_quiet(h, s)) {
		v->nr_wanted += popcount64(units);
		for (u32 m = units; m; m &= m - 1)
			bitmap_set(&v->wanted, at + ctz64(m));
	}
	s->seen_free = s->nr_free;
}

/*
 * In a sparse huge page or a broken one, what is at rest.  A whole one that has to
 * be broken for it must have aged, and most of what is vacant in it must be at
 * rest: the rest would have to be copied.
 */
static bool is_worth_it(const struct hpage_view *hp, const struct vacancy *v)
{
	long age = (u32)os_now_ms() - hp->since_ms;
	bool is_sparse = hp->nr_used < DENSE_UNITS + v->nr;

	if (hp->is_broken)
		return v->nr_wanted;
	if (v->by == HOLLOW_PARTS)
		return v->nr_wanted && is_sparse;
	return v->nr_wanted + hp->nr_dirty && is_sparse &&
	       age >= reclaim_age_ms() && 2 * v->nr_wanted >= v->nr_new;
}

struct holding {
	const struct bitmap *wanted;
	struct bitmap vacant;
	unsigned int nr, nr_units;
};

static void hold(struct theap *h, struct slab *s, void *arg)
{
	struct holding *hold = arg;
	unsigned int at = s->span.unit % HPAGE_UNITS;
	u32 units = slab_vacant(s);

	for (u32 m = units; m; m &= m - 1)
		if (!bitmap_test(hold->wanted, at + ctz64(m)))
			units &= ~(m & -m);
	if (!units)
		return;
	for (u32 m = units; m; m &= m - 1)
		bitmap_set(&hold->vacant, at + ctz64(m));
	theap_unplace(h, s);
	slab_hold(s, units);
	held[hold->nr++] = (struct held){h, s, units};
	hold->nr_units += popcount64(units);
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

/* Vacant units of a huge page, run by run. */
static void give_parts(size_t hpage, const struct bitmap *vacant)
{
	struct hollow parts[HOLLOW_MAX];
	unsigned int nr = 0, at = bitmap_next_set(vacant, 0), end;

	for (; at < HPAGE_UNITS; at = bitmap_next_set(vacant, end)) {
		end = bitmap_next_clear(vacant, at);
		parts[nr++] =
			(struct hollow){hpage * HPAGE_UNITS + at, end - at};
		if (nr == HOLLOW_MAX) {
			hpheap_hollow(parts, nr);
			nr = 0;
		}
	}
	hpheap_hollow(parts, nr);
}

/* Units of slabs given back. */
static size_t give_back(size_t hpage, const struct vacancy *v)
{
	struct holding holding = {.wanted = &v->wanted};
	bool is_done = true;

	each_slab(hpage, hold, &holding);
	if (v->by == HOLLOW_BREAK)
		is_done = hpheap_break(hpage, &holding.vacant);
	else
		give_parts(hpage, &holding.vacant);
	unhold(&holding, is_done);
	return is_done ? holding.nr_units : 0;
}

/**
 * vacate_hpage() - give vacant base pages of slabs back
 * @hpage: index of the huge page
 * @how: if it is sparse, what is at rest; or all
 *
 * Return: units given back.
 */
size_t vacate_hpage(size_t hpage, enum reclaim_how how)
{
	struct vacancy v = {
		.how = how,
		.by = hpheap_hollow_how(hpage * HPAGE_UNITS),
	};
	struct hpage_view hp;
	bool is_wanted;

	if (v.by == HOLLOW_NOT || (v.by == HOLLOW_PARTS && !has_slabs(hpage)) ||
	    !hpheap_look(hpage, &hp) || !hp.nr_used)
		return 0;
	each_slab(hpage, count, &v);
	if (how == RECLAIM_ALL)
		is_wanted = v.nr_wanted ||
			    (v.by == HOLLOW_BREAK && hp.nr_dirty);
	else
		is_wanted = is_worth_it(&hp, &v);
	return is_wanted ? give_back(hpage, &v) : 0;
}
