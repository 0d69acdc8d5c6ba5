// SPDX-License-Identifier: MIT
/*
 * choose.c - which huge page a run goes to, by its kind.
 */
#include "ktap.h"

#include <string.h>

#include "fakeheap.h"
#include "hpheap/limit.h"

enum { LEN = 8, NR_STAY = 64, OTHERS = 5, NR_BIG = 20, NR_HPAGES = 512 };

static size_t hpage_of(const struct run *run)
{
	return run->unit / HPAGE_UNITS;
}

static struct run take(unsigned int nr_units)
{
	struct run run = {0};

	EXPECT_EQ(0, hpheap_alloc(heap, nr_units, 1, &run));
	return run;
}

static struct run take_like(bool is_fleeting)
{
	struct run_want want = {LEN, 1, is_fleeting};
	struct run run = {0};
	unsigned int nr;

	EXPECT_EQ(0, hpheap_alloc_some(heap, &want, &run, &nr));
	EXPECT_EQ(1, nr);
	return run;
}

static void give(const struct run *runs, unsigned int nr, unsigned int len)
{
	while (nr--)
		hpheap_free(runs[nr].unit, len);
}

/* Where there is room in both, each goes to a huge page that its like began. */
static void long_runs_apart(void)
{
	struct run first, rest, few[32];

	if (!fake_heap())
		return;
	first = take(400);
	rest = take(112);
	for (int i = 0; i < 32; i++)
		few[i] = take(15);
	EXPECT(hpage_of(&first) != hpage_of(few), "all in one");
	give(&rest, 1, 112);
	rest = take(HPSET_LONG_RUN);
	EXPECT_EQ(hpage_of(&first), hpage_of(&rest));
	give(few, 1, 15);
	few[0] = take(15);
	EXPECT_EQ(hpage_of(&few[1]), hpage_of(&few[0]));
	give(few, 32, 15);
	give(&rest, 1, HPSET_LONG_RUN);
	give(&first, 1, 400);
}

/* Huge pages in which one of these lies. */
static unsigned int nr_hpages_of(const struct run *runs, unsigned int nr)
{
	static bool is_seen[NR_HPAGES];
	unsigned int found = 0;

	memset(is_seen, 0, sizeof(is_seen));
	for (unsigned int i = 0; i < nr; i++) {
		bool *seen = &is_seen[hpage_of(&runs[i])];

		found += !*seen;
		*seen = true;
	}
	return found;
}

static struct run stay[NR_STAY], others[NR_STAY][OTHERS];

/* One run in six stays. */
static void take_all(void)
{
	for (unsigned int i = 0; i < NR_STAY; i++) {
		stay[i] = take_like(false);
		for (unsigned int k = 0; k < OTHERS; k++)
			others[i][k] = take_like(true);
	}
}

static void give_all(void)
{
	give(stay, NR_STAY, LEN);
	give(others[0], NR_STAY * OTHERS, LEN);
}

static void take_big(struct run *big)
{
	for (unsigned int i = 0; i < NR_BIG; i++)
		big[i] = take(HPAGE_UNITS);
}

/* In a large heap they lie in as few huge pages as they need. */
static void fleeting_ones_apart(void)
{
	struct run big[NR_BIG];

	if (!fake_heap())
		return;
	take_big(big);
	take_all();
	EXPECT_EQ(NR_STAY * LEN / HPAGE_UNITS, nr_hpages_of(stay, NR_STAY));
	give_all();
	give(big, NR_BIG, HPAGE_UNITS);
}

/* With many holes in the others, there. */
static void holes_are_filled_first(void)
{
	enum { HOLE = 80 };
	struct run all[NR_BIG + 1];

	if (!fake_heap())
		return;
	take_big(all);
	for (unsigned int i = 0; i < NR_BIG; i++)
		hpheap_free(all[i].unit + HPAGE_UNITS - HOLE, HOLE);
	all[NR_BIG] = take_like(true);
	EXPECT_EQ(NR_BIG, nr_hpages_of(all, NR_BIG + 1));
	give(&all[NR_BIG], 1, LEN);
	give(all, NR_BIG, HPAGE_UNITS - HOLE);
}

/* In a small one, in whatever has room. */
static void small_heap_is_dense(void)
{
	if (!fake_heap())
		return;
	take_all();
	EXPECT_EQ(NR_STAY * LEN * (1 + OTHERS) / HPAGE_UNITS,
		  nr_hpages_of(stay, NR_STAY));
	give_all();
}

/* So they do where others may need a huge page below the hard limit. */
static void limited_heap_is_dense(void)
{
	struct run big[NR_BIG];

	if (!fake_heap())
		return;
	limit.hard = (size_t)1 << 40;
	take_big(big);
	take_all();
	EXPECT_EQ(NR_STAY * LEN * (1 + OTHERS) / HPAGE_UNITS,
		  nr_hpages_of(stay, NR_STAY));
	limit.hard = SIZE_MAX;
	give_all();
	give(big, NR_BIG, HPAGE_UNITS);
}

/*
 * Where there is much room in either's, what stays goes to the fullest of the
 * other's, and what goes to the emptiest.
 */
static void nearest_is_taken_over(void)
{
	struct run run, fleeting[HPAGE_UNITS / LEN * 2];
	unsigned int per_page = HPAGE_UNITS / LEN;

	if (!fake_heap())
		return;
	for (unsigned int i = 0; i < per_page * 2; i++)
		fleeting[i] = take_like(true);
	/* The first huge page has room for one, the second holds one. */
	give(fleeting, 1, LEN);
	give(fleeting + per_page, per_page - 1, LEN);
	run = take_like(false);
	EXPECT_EQ(hpage_of(&fleeting[1]), hpage_of(&run));
	give(&run, 1, LEN);
	give(fleeting + 1, 1, LEN);
	fleeting[0] = take_like(true);
	EXPECT_EQ(hpage_of(&fleeting[per_page * 2 - 1]), hpage_of(fleeting));
	give(fleeting, 1, LEN);
	give(fleeting + 2, per_page - 2, LEN);
	give(fleeting + per_page * 2 - 1, 1, LEN);
}

/* Where no huge page can be begun, whatever has room will do. */
static void no_other_room(void)
{
	static struct run big[NR_HPAGES];
	unsigned int nr = 0;
	struct run stays, goes;

	if (!fake_heap())
		return;
	while (nr < NR_HPAGES && !hpheap_alloc(heap, HPAGE_UNITS, 1, &big[nr]))
		nr++;
	EXPECT(nr > NR_BIG && nr < NR_HPAGES, "%u huge pages of 1 GiB", nr);
	give(&big[--nr], 1, HPAGE_UNITS);
	goes = take_like(true);
	stays = take_like(false);
	EXPECT_EQ(hpage_of(&goes), hpage_of(&stays));
	give(&goes, 1, LEN);
	give(&stays, 1, LEN);
	give(big, nr, HPAGE_UNITS);
}

static const struct ktap_test tests[] = {
	{"long_runs_apart", long_runs_apart},
	{"fleeting_ones_apart", fleeting_ones_apart},
	{"holes_are_filled_first", holes_are_filled_first},
	{"small_heap_is_dense", small_heap_is_dense},
	{"limited_heap_is_dense", limited_heap_is_dense},
	{"nearest_is_taken_over", nearest_is_taken_over},
	{"no_other_room", no_other_room},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
