// SPDX-License-Identifier: MIT
/*
 * bitmap.c - the 512-bit bitmaps and the arithmetic of base/, each operation
 * against a slow model on an array of booleans.
 */
#include "ktap.h"
#include "testlib.h"

#include "base/bitmap.h"
#include "base/bits.h"
#include "base/list.h"

static bool model[BITMAP_BITS];
static struct bitmap map;

static unsigned int model_find(unsigned int nr, unsigned int align)
{
	unsigned int first, i;

	for (first = 0; first + nr <= BITMAP_BITS; first += align) {
		for (i = 0; i < nr && !model[first + i]; i++)
			;
		if (i == nr)
			return first;
	}
	return BITMAP_BITS;
}

static unsigned int model_longest(void)
{
	unsigned int run = 0, longest = 0, i;

	for (i = 0; i < BITMAP_BITS; i++) {
		run = model[i] ? 0 : run + 1;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static unsigned int model_next(unsigned int from, bool value)
{
	while (from < BITMAP_BITS && model[from] != value)
		from++;
	return from;
}

static unsigned int model_count(unsigned int first, unsigned int nr)
{
	unsigned int count = 0;

	while (nr--)
		count += model[first + nr];
	return count;
}

static unsigned int model_run_start(unsigned int end, bool value)
{
	while (end && model[end - 1] == value)
		end--;
	return end;
}

static void expect_same(struct rng *rng)
{
	unsigned int i, first, nr, align;

	for (i = 0; i < BITMAP_BITS; i++)
		if (!EXPECT(bitmap_test(&map, i) == model[i], "bit %u", i))
			return;
	EXPECT_EQ(model_longest(), bitmap_longest_clear(&map));
	for (i = 0; i < 8; i++) {
		first = (unsigned int)rng_below(rng, BITMAP_BITS + 1);
		nr = (unsigned int)rng_below(rng, BITMAP_BITS + 1 - first);
		EXPECT_EQ(model_next(first + nr, true) -
				  model_run_start(first, false),
			  bitmap_clear_run(&map, first, nr));
		align = 1u << rng_below(rng, 10);
		EXPECT_EQ(model_run_start(first, true),
			  bits_run_start(map.w, first, 0));
		EXPECT_EQ(model_run_start(first, false),
			  bits_run_start(map.w, first, ~0ULL));
		EXPECT_EQ(model_next(first, true),
			  bitmap_next_set(&map, first));
		EXPECT_EQ(model_next(first, false),
			  bitmap_next_clear(&map, first));
		EXPECT_EQ(model_count(first, nr),
			  bitmap_count_range(&map, first, nr));
		nr = 1 + (unsigned int)rng_below(rng, i & 1 ? 512 : 20);
		EXPECT_EQ(model_find(nr, align),
			  bitmap_find_clear(&map, nr, align));
	}
}

static void change(struct rng *rng)
{
	unsigned int first = (unsigned int)rng_below(rng, BITMAP_BITS);
	unsigned int most = BITMAP_BITS - first;
	unsigned int nr = (unsigned int)rng_below(rng, most + 1);
	bool value = rng_below(rng, 2);

	if (rng_below(rng, 3))
		nr = nr % 24 % (most + 1);
	if (nr == 1 && value)
		bitmap_set(&map, first);
	else if (nr == 1)
		bitmap_clear(&map, first);
	else if (value && rng_below(rng, 2))
		EXPECT_EQ(model_count(first, nr), bitmap_fill(&map, first, nr));
	else if (value)
		bitmap_set_range(&map, first, nr);
	else
		bitmap_clear_range(&map, first, nr);
	memset(model + first, value, nr);
}

static void random_operations(void)
{
	struct rng rng;
	int i;

	rng_start(&rng);
	memset(&map, 0, sizeof(map));
	memset(model, 0, sizeof(model));
	for (i = 0; i < 4000; i++) {
		change(&rng);
		expect_same(&rng);
	}
}

static void popcount(void)
{
	struct rng rng;
	int i;

	rng_start(&rng);
	for (i = 0; i < 1000; i++) {
		uint64_t x = rng_next(&rng), left = x;
		unsigned int nr = 0;

		for (; left; left &= left - 1)
			nr++;
		EXPECT_EQ(nr, popcount64(x));
	}
	EXPECT_EQ(0, popcount64(0));
	EXPECT_EQ(64, popcount64(~0ULL));
}

static void every_range(void)
{
	unsigned int first, nr;

	for (first = 0; first < BITMAP_BITS; first += 7)
		for (nr = 0; first + nr <= BITMAP_BITS; nr += 1 + nr / 5) {
			memset(&map, 0, sizeof(map));
			bitmap_set_range(&map, first, nr);
			EXPECT_EQ(nr, bitmap_count_range(&map, 0,
							 BITMAP_BITS));
			EXPECT_EQ(nr, bitmap_count_range(&map, first, nr));
			bitmap_clear_range(&map, first, nr);
			EXPECT_EQ(BITMAP_BITS, bitmap_longest_clear(&map));
		}
}

static void full_and_empty(void)
{
	memset(&map, 0xff, sizeof(map));
	EXPECT_EQ(0, bitmap_longest_clear(&map));
	EXPECT_EQ(BITMAP_BITS, bitmap_find_clear(&map, 1, 1));
	EXPECT_EQ(BITMAP_BITS, bitmap_next_clear(&map, 0));
	EXPECT_EQ(0, bitmap_next_set(&map, 0));
	EXPECT_EQ(511, bitmap_next_set(&map, 511));
	memset(&map, 0, sizeof(map));
	EXPECT_EQ(0, bitmap_find_clear(&map, BITMAP_BITS, BITMAP_BITS));
	EXPECT_EQ(BITMAP_BITS, bitmap_next_set(&map, 0));
	EXPECT_EQ(BITMAP_BITS, bitmap_next_clear(&map, BITMAP_BITS));
}

static void arithmetic(void)
{
	size_t x;

	for (x = 1; x < 100000; x++) {
		EXPECT_EQ(64 - 1 - __builtin_clzl(x), log2_floor(x));
		EXPECT_EQ((x + 4095) / 4096 * 4096, align_up(x, 4096));
		EXPECT_EQ(x / 512 * 512, align_down(x, 512));
		EXPECT_EQ(__builtin_popcountl(x) == 1, is_pow2(x));
	}
	EXPECT(!is_pow2(0), "0 is no power of two");
	EXPECT_EQ(63, log2_floor((size_t)1 << 63));
}

static void list(void)
{
	struct list head, node[5], *at;
	unsigned int i;

	list_init(&head);
	EXPECT(list_empty(&head), "new list not empty");
	for (i = 0; i < 5; i++)
		list_add_tail(&node[i], &head);
	for (i = 0, at = head.next; at != &head; at = at->next, i++)
		EXPECT(at == &node[i], "node %u out of order", i);
	EXPECT_EQ(5, i);
	list_del(&node[2]);
	list_del(&node[2]);
	EXPECT(node[1].next == &node[3] && node[3].prev == &node[1],
	       "hole in the list");
	list_add(&node[2], &head);
	EXPECT(head.next == &node[2], "not in front");
	for (i = 0; i < 5; i++)
		list_del(&node[i]);
	EXPECT(list_empty(&head), "list not empty");
}

static const struct ktap_test tests[] = {
	{"random_operations", random_operations},
	{"popcount", popcount},
	{"every_range", every_range},
	{"full_and_empty", full_and_empty},
	{"arithmetic", arithmetic},
	{"list", list},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
