// SPDX-License-Identifier: MIT
/*
 * A huge page is for runs of one kind.
 *
 * Long runs and short ones keep apart as long as there is room: what lies
 * between short ones is no room for a long one.  So do short runs that stay and
 * those of classes that come and go: one that stays would keep a huge page from
 * coming free with the others, which is then broken for what they left.  Where
 * there is much room in the other's huge pages, or one more matters, either takes
 * one over that is nearest to its own: what stays the fullest, what goes the
 * emptiest.
 */
#include "hpheap/choose.h"

#include "hpheap/limit.h"
#include "hpheap/space.h"

enum {
	APART_FROM = 32 << 20, /* bytes in use: one huge page more is little */
	APART_HOLES = 8,       /* holes of so small a part of them are few */
};

/* The kind of a run. */
enum hpset_id choose_kind(size_t nr_units, bool is_fleeting)
{
	if (nr_units >= HPSET_LONG_RUN)
		return SET_LONG;
	return is_fleeting ? SET_FLEETING : SET_STAYING;
}

/* Index of the lowest empty huge page, or 0; lock held. */
static size_t lowest_empty(struct hpheap *h)
{
	size_t end = space_end_hpage() / 64 + 1;

	for (; h->free_lo < end; h->free_lo++)
		if (h->free_map[h->free_lo])
			return h->free_lo * 64 + ctz64(h->free_map[h->free_lo]);
	return 0;
}

static struct hpage *begin_one(struct hpheap *h)
{
	size_t i;

	if (!list_empty(&h->empty_dirty))
		return container_of(h->empty_dirty.next, struct hpage, link);
	i = lowest_empty(h);
	return i ? &space.hpages[i] : NULL;
}

/* Is one huge page more better than a shared one?  Lock held. */
static bool can_spare_one(const struct hpheap *h)
{
	size_t len = h->stats.nr_hpages << HPAGE_SHIFT, used = h->stats.used;

	return used >= APART_FROM && len - used <= used / APART_HOLES &&
	       !limit_has_hard();
}

/* The best of the sets from @first to before @end of those in order. */
static struct hpage *find_in(struct hpheap *h, unsigned int nr_units,
			     enum hpset_id kind, unsigned int first,
			     unsigned int end)
{
	static const u8 order[][NR_SETS] = {
		[SET_STAYING] = { SET_STAYING, SET_LONG, SET_BROKEN,
				  SET_FLEETING },
		[SET_FLEETING] = { SET_FLEETING, SET_STAYING, SET_LONG,
				   SET_BROKEN },
		[SET_LONG] = { SET_LONG, SET_STAYING, SET_FLEETING,
			       SET_BROKEN },
	};
	struct hpage *hp = NULL;

	for (unsigned int i = first; i < end && !hp; i++) {
		enum hpset_id id = order[kind][i];

		if (kind == SET_FLEETING && id == SET_STAYING)
			hp = hpset_find_emptiest(&h->sets[id], nr_units);
		else
			hp = hpset_find(&h->sets[id], nr_units);
	}
	return hp;
}

/**
 * choose_hpage() - the huge page where a run goes best; the heap's lock held
 * @h: the heap
 * @nr_units: its length, at most HPAGE_UNITS
 * @kind: as choose_kind() says
 *
 * Return: one in partial use of its kind, or else of another that will do, the
 * broken ones last; or an empty one; NULL if the heap must grow.
 */
struct hpage *choose_hpage(struct hpheap *h, unsigned int nr_units,
			   enum hpset_id kind)
{
	static const u8 nr_own[] = {
		[SET_STAYING] = 3, [SET_FLEETING] = 1, [SET_LONG] = NR_SETS,
	};
	unsigned int nr = can_spare_one(h) ? nr_own[kind] : NR_SETS;
	struct hpage *hp = find_in(h, nr_units, kind, 0, nr);

	if (!hp)
		hp = begin_one(h);
	return hp ? hp : find_in(h, nr_units, kind, nr, NR_SETS);
}

/* Is a unit where runs come and go?  Without the lock: it may have changed. */
bool choose_is_fleeting(size_t unit)
{
	return atomic_load_explicit(&space.hpages[unit / HPAGE_UNITS].kind,
				    memory_order_relaxed) == SET_FLEETING;
}

/* What a huge page is for, of which a run of @kind is to be taken. */
enum hpset_id choose_new_kind(const struct hpage *hp, enum hpset_id kind)
{
	if (!hp->nr_used)
		return kind;
	if (hp->kind == SET_LONG || kind == SET_LONG ||
	    (kind == SET_FLEETING && hp->nr_used >= HPAGE_UNITS / 2))
		return hp->kind;
	return kind;
}
