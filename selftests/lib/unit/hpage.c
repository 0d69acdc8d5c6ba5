// SPDX-License-Identifier: MIT
/*
 * hpage.c - one huge page's books and the sets of huge pages, on structures
 * with no memory behind them, against slow models.
 */
#include "ktap.h"
#include "testlib.h"

#include "hpheap/hpage.h"
#include "hpheap/hpset.h"

#define NR_HPAGES 300

static bool used[HPAGE_UNITS], touched[HPAGE_UNITS];
static struct hpage page;
static struct hpage pages[NR_HPAGES];
static bool is_in[NR_HPAGES];
static struct hpset set;

static unsigned int count(const bool *flags)
{
	unsigned int nr = 0, i;

	for (i = 0; i < HPAGE_UNITS; i++)
		nr += flags[i];
	return nr;
}

static unsigned int count_dirty(unsigned int first, unsigned int nr)
{
	unsigned int dirty = 0;

	while (nr--)
		dirty += touched[first + nr] && !used[first + nr];
	return dirty;
}

static void take_some(struct rng *rng)
{
	unsigned int nr = 1 + (unsigned int)rng_below(rng, 40);
	unsigned int align = 1u << rng_below(rng, 5), first, dirty;

	first = hpage_fit(&page, nr, align);
	if (first == HPAGE_UNITS) {
		EXPECT(page.longest < nr + align - 1, "longest %u, asked %u/%u",
		       page.longest, nr, align);
		return;
	}
	EXPECT(first % align == 0, "unit %u for align %u", first, align);
	dirty = count_dirty(first, nr);
	EXPECT_EQ(dirty, hpage_take(&page, first, nr));
	memset(used + first, 1, nr);
	memset(touched + first, 1, nr);
}

static void put_some(struct rng *rng)
{
	unsigned int first = (unsigned int)rng_below(rng, HPAGE_UNITS), nr = 0;

	while (first + nr < HPAGE_UNITS && used[first + nr] && nr < 40)
		nr++;
	if (!nr)
		return;
	hpage_put(&page, first, nr);
	memset(used + first, 0, nr);
}

/* Clean the first run of dirty units from a random place on. */
static void clean_some(struct rng *rng)
{
	unsigned int from = (unsigned int)rng_below(rng, HPAGE_UNITS);
	unsigned int first = from, nr = 0, i;

	if (!hpage_next_dirty(&page, &first, &nr)) {
		EXPECT_EQ(0, count_dirty(from, HPAGE_UNITS - from));
		return;
	}
	EXPECT_EQ(0, count_dirty(from, first - from));
	EXPECT(nr && first >= from, "%u units from %u", nr, first);
	for (i = first; i < first + nr; i++)
		EXPECT(!used[i], "unit %u is in use", i);
	EXPECT(touched[first] && touched[first + nr - 1], "clean ends");
	hpage_clean(&page, first, nr);
	memset(touched + first, 0, nr);
}

static void books(void)
{
	struct rng rng;
	int i;

	rng_start(&rng);
	hpage_init(&page, 3, 1);
	EXPECT_EQ(3, page.node);
	EXPECT_EQ(1, page.backend);
	EXPECT_EQ(HPAGE_UNITS, page.longest);
	for (i = 0; i < 20000; i++) {
		uint64_t dice = rng_below(&rng, 16);

		if (dice < 7)
			take_some(&rng);
		else if (dice < 14)
			put_some(&rng);
		else
			clean_some(&rng);
		EXPECT_EQ(count(used), page.nr_used);
		EXPECT_EQ(count_dirty(0, HPAGE_UNITS), page.nr_dirty);
		EXPECT_EQ(bitmap_longest_clear(&page.used), page.longest);
		hpage_check(&page);
	}
}

static void take_whole(void)
{
	hpage_init(&page, 0, 0);
	EXPECT_EQ(0, hpage_take(&page, 0, HPAGE_UNITS));
	EXPECT_EQ(HPAGE_UNITS, page.nr_used);
	EXPECT_EQ(0, page.longest);
	EXPECT_EQ(HPAGE_UNITS, hpage_fit(&page, 1, 1));
	hpage_put(&page, 0, HPAGE_UNITS);
	EXPECT_EQ(HPAGE_UNITS, page.nr_dirty);
	EXPECT_EQ(HPAGE_UNITS, hpage_take(&page, 0, HPAGE_UNITS));
}

/* A huge page of random fullness, not full and not in the set. */
static void scramble(struct hpage *hp, struct rng *rng)
{
	unsigned int want = (unsigned int)rng_below(rng, HPAGE_UNITS), nr;

	hpage_init(hp, 0, 0);
	while (hp->nr_used < want) {
		unsigned int at = (unsigned int)rng_below(rng, HPAGE_UNITS);

		for (nr = 0; nr < 32 && at + nr < HPAGE_UNITS &&
			     !bitmap_test(&hp->used, at + nr) &&
			     hp->nr_used + nr < want;
		     nr++)
			;
		if (nr)
			hpage_take(hp, at, nr);
	}
}

/* Runs are kept in classes, four a doubling: the set may miss one that is less
 * than a quarter longer than asked for where there are many, and tells no such
 * two apart.
 */
static unsigned int a_class_longer(unsigned int nr_units)
{
	return nr_units < 16 ? nr_units : nr_units + nr_units / 4;
}

/* The huge page that the set must be able to find: the fullest that fits, or
 * for a long run one whose longest is the shortest.
 */
static struct hpage *best_for(unsigned int nr_units)
{
	struct hpage *best = NULL;
	int i;

	for (i = 0; i < NR_HPAGES; i++) {
		struct hpage *hp = &pages[i];

		if (!is_in[i] || hp->longest < a_class_longer(nr_units))
			continue;
		if (!best ||
		    (nr_units >= HPSET_LONG_RUN ? hp->longest < best->longest
						: hp->nr_used > best->nr_used))
			best = hp;
	}
	return best;
}

static void expect_find(unsigned int nr_units)
{
	struct hpage *hp = hpset_find(&set, nr_units);
	struct hpage *best = best_for(nr_units);

	if (!hp) {
		EXPECT(!best, "none for %u units, one has a run of %u",
		       nr_units, best->longest);
		return;
	}
	EXPECT(is_in[hp - pages], "a huge page that is not in the set");
	EXPECT(hp->longest >= nr_units, "longest run %u for %u units",
	       hp->longest, nr_units);
	if (!best)
		return;
	if (nr_units >= HPSET_LONG_RUN)
		EXPECT(hp->longest <= a_class_longer(best->longest),
		       "longest run %u for %u units, one has %u", hp->longest,
		       nr_units, best->longest);
	else /* Fullness is kept in levels too: one level may be off. */
		EXPECT(hp->nr_used + HPAGE_UNITS / HPSET_LEVELS + 1 >=
			       best->nr_used,
		       "%u in use, the fullest has %u", hp->nr_used,
		       best->nr_used);
}

static void sets(void)
{
	struct rng rng;
	size_t nr_in = 0;
	int i;

	rng_start(&rng);
	hpset_init(&set);
	EXPECT(!hpset_find(&set, 1), "found in an empty set");
	for (i = 0; i < 20000; i++) {
		unsigned int at = (unsigned int)rng_below(&rng, NR_HPAGES);

		if (is_in[at]) {
			hpset_remove(&set, &pages[at]);
		} else {
			scramble(&pages[at], &rng);
			hpset_insert(&set, &pages[at]);
		}
		is_in[at] = !is_in[at];
		nr_in += is_in[at] ? 1 : -1;
		EXPECT_EQ(nr_in, set.nr_hpages);
		if (i % 8 == 0)
			expect_find(1 + (unsigned int)rng_below(&rng, 512));
	}
	for (i = 1; i <= HPAGE_UNITS; i++)
		expect_find((unsigned int)i);
}

static unsigned int max_used;

static bool is_even(const struct hpage *hp)
{
	return (hp - pages) % 2 == 0 && hp->nr_used <= max_used;
}

static bool is_dense(const struct hpage *hp)
{
	return hp->nr_used >= 448;
}

static void densest(void)
{
	struct hpage *hp = hpset_fullest(&set, 448, is_dense);
	int i, best = -1;

	for (i = 0; i < NR_HPAGES; i++)
		if (is_in[i] && pages[i].nr_used > best)
			best = pages[i].nr_used;
	if (!hp) {
		EXPECT(best < 448, "none, one has %d", best);
		return;
	}
	EXPECT(is_dense(hp) && is_in[hp - pages], "unwanted page");
	EXPECT(hp->nr_used + HPAGE_UNITS / HPSET_LEVELS + 1 >= best,
	       "%u in use, the fullest has %d", hp->nr_used, best);
}

static void sparsest(void)
{
	int i, best;

	for (max_used = 0; max_used <= HPAGE_UNITS; max_used += 5) {
		struct hpage *hp = hpset_sparsest(&set, is_even);

		best = HPAGE_UNITS + 1;
		for (i = 0; i < NR_HPAGES; i += 2)
			if (is_in[i] && pages[i].nr_used <= max_used &&
			    pages[i].nr_used < best)
				best = pages[i].nr_used;
		if (!hp) {
			EXPECT(best > HPAGE_UNITS, "none, one has %d of %u",
			       best, max_used);
			continue;
		}
		EXPECT(is_even(hp) && is_in[hp - pages], "unwanted page");
		EXPECT(hp->nr_used <= max_used, "%u in use, at most %u",
		       hp->nr_used, max_used);
		EXPECT(hp->nr_used <= best + HPAGE_UNITS / HPSET_LEVELS + 1,
		       "%u in use, the sparsest has %d", hp->nr_used, best);
	}
}

/* The hole that a run leaves is room for a run of the same length. */
static void hole_is_found(void)
{
	static struct hpset one;
	struct hpage hp;

	hpset_init(&one);
	for (unsigned int nr = 1; nr < HPAGE_UNITS; nr++) {
		hpage_init(&hp, 0, 0);
		hpage_take(&hp, 0, HPAGE_UNITS - nr);
		hpset_insert(&one, &hp);
		EXPECT(hpset_find(&one, nr) == &hp, "a hole of %u units", nr);
		EXPECT(hpset_find_emptiest(&one, nr) == &hp,
		       "a hole of %u units, in the emptiest", nr);
		EXPECT(!hpset_find(&one, nr + 1), "%u units in one of %u",
		       nr + 1, nr);
		hpset_remove(&one, &hp);
	}
}

/* Backed by zeroes: dirty like any, and known to be zero until it is used. */
static void populated_is_zero(void)
{
	struct hpage hp;

	hpage_init(&hp, 0, 0);
	hpage_populate(&hp);
	EXPECT_EQ(HPAGE_UNITS, hp.nr_dirty);
	EXPECT_EQ(HPAGE_UNITS, hp.nr_touched);
	EXPECT_EQ(0, hpage_take(&hp, 10, 5));
	EXPECT_EQ(HPAGE_UNITS - 5, hp.nr_dirty);
	/* The rest is forgotten, and so is what was used. */
	EXPECT_EQ(7, hpage_take(&hp, 20, 7));
	hpage_put(&hp, 10, 5);
	hpage_put(&hp, 20, 7);
	EXPECT_EQ(HPAGE_UNITS, hp.nr_dirty);
	/* Given back, it is no more than an empty one. */
	hpage_clean(&hp, 0, HPAGE_UNITS);
	hpage_populate(&hp);
	hpage_clean(&hp, 0, HPAGE_UNITS);
	EXPECT(!hp.is_zeroed && !hp.nr_dirty && !hp.nr_touched,
	       "%u dirty, %u touched", hp.nr_dirty, hp.nr_touched);
}

static const struct ktap_test tests[] = {
	{"populated_is_zero", populated_is_zero},
	{"books", books},
	{"take_whole", take_whole},
	{"sets", sets},
	{"hole_is_found", hole_is_found},
	{"sparsest", sparsest},
	{"densest", densest},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
