// SPDX-License-Identifier: MIT
/*
 * Huge pages bucketed by fullness, then by longest free run.  Filling the
 * fullest one that fits keeps the others emptying, so that whole huge pages
 * come free; the longest run decides whether it fits, as in jemalloc's psset.
 * Long runs go by best fit: one that is put into a hole much longer than itself
 * leaves none for the next long one, and so costs a new huge page.
 */
#include "hpheap/hpset.h"

enum { HPAGES_SEEN = 4 }; /* of a class, level by level */

/*
 * Classes of runs: each length up to 16, then four classes a doubling up to
 * 512.  A run of length n lies in the class whose lower bound is n or less.
 */
static unsigned int run_class(unsigned int len)
{
	unsigned int e;

	if (len <= 16)
		return len - 1;
	e = log2_floor(len);
	return 16 + (e - 4) * 4 + ((len >> (e - 2)) & 3) - 1;
}

static unsigned int level_of(const struct hpage *hp)
{
	return hp->nr_used * HPSET_LEVELS / (HPAGE_UNITS + 1);
}

void hpset_init(struct hpset *s)
{
	for (unsigned int l = 0; l < HPSET_LEVELS; l++)
		s->nonempty[l] = 0;
	s->nr_hpages = 0;
}

/**
 * hpset_insert() - add a huge page that has a free unit
 * @s: the set
 * @hp: in no list; its fullness must not change while it is in the set
 */
void hpset_insert(struct hpset *s, struct hpage *hp)
{
	unsigned int l = level_of(hp), r = run_class(hp->longest);
	struct list *head = &s->bucket[l][r];

	if (!(s->nonempty[l] >> r & 1))
		list_init(head);
	list_add(&hp->link, head);
	s->nonempty[l] |= 1ULL << r;
	s->nr_hpages++;
}

/**
 * hpset_remove() - take a huge page out
 * @s: the set it is in
 * @hp: the huge page, unchanged since it was inserted
 */
void hpset_remove(struct hpset *s, struct hpage *hp)
{
	unsigned int l = level_of(hp), r = run_class(hp->longest);

	list_del(&hp->link);
	if (list_empty(&s->bucket[l][r]))
		s->nonempty[l] &= ~(1ULL << r);
	s->nr_hpages--;
}

/* Classes of runs that there are, of those in @mask. */
static u64 classes_in(const struct hpset *s, u64 mask)
{
	u64 any = 0;

	for (unsigned int l = 0; l < HPSET_LEVELS; l++)
		any |= s->nonempty[l];
	return any & mask;
}

/*
 * One of level @l and class @r that has the run; not all are looked at where some
 * may be too short.
 */
static struct hpage *find_at(struct hpset *s, unsigned int l, unsigned int r,
			     unsigned int nr_units)
{
	struct list *head = &s->bucket[l][r], *n = head->next;

	for (unsigned int i = 0; i < HPAGES_SEEN && n != head; i++) {
		struct hpage *hp = container_of(n, struct hpage, link);

		if (hp->longest >= nr_units)
			return hp;
		n = n->next;
	}
	return NULL;
}

/* One of level @l and the classes in @mask, the lowest that will do. */
static struct hpage *find_fit(struct hpset *s, unsigned int l, u64 mask,
			      unsigned int nr_units)
{
	struct hpage *hp = NULL;

	for (u64 m = s->nonempty[l] & mask; m && !hp; m &= m - 1)
		hp = find_at(s, l, ctz64(m), nr_units);
	return hp;
}

/* The fullest one of the classes in @mask. */
static struct hpage *find_fullest(struct hpset *s, u64 mask,
				  unsigned int nr_units)
{
	struct hpage *hp = NULL;

	for (unsigned int l = HPSET_LEVELS; l-- && !hp;)
		hp = find_fit(s, l, mask, nr_units);
	return hp;
}

/* Classes of runs that may be as long as that. */
static u64 classes_from(unsigned int nr_units)
{
	return ~0ULL << run_class(nr_units);
}

/**
 * hpset_find() - the huge page where a run goes best
 * @s: the set
 * @nr_units: length of the run
 *
 * A program that frees a run and takes it again finds the hole that it left,
 * unless there are many that are about as long.
 *
 * Return: the fullest one with a long enough free run, for a long one among
 * those where it is the least too long; still in the set; or NULL.
 */
struct hpage *hpset_find(struct hpset *s, unsigned int nr_units)
{
	u64 mask = classes_from(nr_units);
	struct hpage *hp = NULL;

	if (!s->nr_hpages)
		return NULL;
	if (nr_units < HPSET_LONG_RUN)
		return find_fullest(s, mask, nr_units);
	for (u64 m = classes_in(s, mask); m && !hp; m &= m - 1)
		hp = find_fullest(s, m & -m, nr_units);
	return hp;
}

/* The same of short runs, but the emptiest one. */
struct hpage *hpset_find_emptiest(struct hpset *s, unsigned int nr_units)
{
	u64 mask = classes_from(nr_units);
	struct hpage *hp = NULL;

	for (unsigned int l = 0; s->nr_hpages && l < HPSET_LEVELS && !hp; l++)
		hp = find_fit(s, l, mask, nr_units);
	return hp;
}

/* The oldest page of one level that is wanted, or NULL. */
static struct hpage *find_in_level(struct hpset *s, unsigned int level,
				   bool (*wanted)(const struct hpage *hp))
{
	for (u64 m = s->nonempty[level]; m; m &= m - 1) {
		struct list *head = &s->bucket[level][ctz64(m)];

		for (struct list *n = head->prev; n != head; n = n->prev) {
			struct hpage *hp = container_of(n, struct hpage, link);

			if (wanted(hp))
				return hp;
		}
	}
	return NULL;
}

/**
 * hpset_fullest() - the fullest huge page that is wanted
 * @s: the set
 * @min_used: look only where this many units may be in use
 * @wanted: says whether a huge page will do
 *
 * Return: the huge page, still in the set, or NULL.
 */
struct hpage *hpset_fullest(struct hpset *s, unsigned int min_used,
			    bool (*wanted)(const struct hpage *hp))
{
	unsigned int least = min_used * HPSET_LEVELS / (HPAGE_UNITS + 1);
	struct hpage *hp = NULL;

	for (unsigned int l = HPSET_LEVELS; l-- > least && !hp;)
		hp = find_in_level(s, l, wanted);
	return hp;
}

/**
 * hpset_sparsest() - the emptiest huge page that is wanted
 * @s: the set
 * @wanted: says whether a huge page will do
 *
 * Return: the huge page, still in the set, or NULL.
 */
struct hpage *hpset_sparsest(struct hpset *s,
			     bool (*wanted)(const struct hpage *hp))
{
	struct hpage *hp = NULL;

	for (unsigned int l = 0; l < HPSET_LEVELS && !hp; l++)
		hp = find_in_level(s, l, wanted);
	return hp;
}
