// SPDX-License-Identifier: MIT
/*
 * rooms.c - where which room is, against a plain table of what was noted. The
 * slabs are invented: but for their place nothing of them is used.
 */
#include "ktap.h"
#include "testlib.h"

#include "slab/mixed.h"

#define MOST 5184 /* more than one node's, and one level's, children */

static struct rooms rooms;
static struct slab slabs[MOST];
static u64 noted[MOST];
static bool is_in[MOST];

static bool add(unsigned int i)
{
	struct rooms_node *leaf = rooms_prepare(&rooms);

	if (!EXPECT(leaf, "no place for slab %u", i))
		return false;
	rooms_add(leaf, &slabs[i]);
	noted[i] = 0;
	is_in[i] = true;
	return true;
}

static void take_out(unsigned int i)
{
	rooms_remove(&rooms, &slabs[i]);
	noted[i] = 0;
	is_in[i] = false;
}

static void expect_found(unsigned int least)
{
	unsigned int room = NR_ROOMS, best = NR_ROOMS, i, r;
	struct slab *s = rooms_find(&rooms, least, &room);

	for (i = 0; i < MOST; i++)
		for (r = least; r < best; r++)
			if (noted[i] >> r & 1)
				best = r;
	EXPECT_EQ(best, room);
	EXPECT(!s == (best == NR_ROOMS), "%p for room %u", (void *)s, best);
	if (s)
		EXPECT(noted[s - slabs] >> best & 1,
		       "slab %zu has no room %u", (size_t)(s - slabs), best);
}

static void change_one(struct rng *rng, unsigned int i)
{
	unsigned int room = rng_below(rng, NR_ROOMS);

	if (!is_in[i]) {
		add(i);
	} else if (!rng_below(rng, 8)) {
		take_out(i);
	} else if (rng_below(rng, 3)) {
		rooms_note(&rooms, &slabs[i], 1ULL << room);
		noted[i] |= 1ULL << room;
	} else {
		rooms_forget(&rooms, &slabs[i], room);
		noted[i] &= ~(1ULL << room);
	}
	if (is_in[i])
		EXPECT_EQ(noted[i], rooms_of(&slabs[i]));
}

static void against_table(void)
{
	struct rng rng;
	unsigned int i, n, most;

	rng_start(&rng);
	for (most = 3; most <= MOST; most *= 12) {
		for (n = 0; n < 2000; n++) {
			change_one(&rng, rng_below(&rng, most));
			expect_found(rng_below(&rng, NR_ROOMS));
		}
	}
	for (i = 0; i < MOST; i++)
		if (is_in[i])
			take_out(i);
	expect_found(0);
}

/* A place that comes free is used again before the tree grows. */
static void places_are_reused(void)
{
	const struct rooms_node *leaf;
	unsigned int i, digit;

	for (i = 0; i < MOST; i++)
		if (!add(i))
			return;
	leaf = slabs[100].mix.leaf;
	digit = slabs[100].mix.digit;
	take_out(100);
	if (!add(100))
		return;
	EXPECT(slabs[100].mix.leaf == leaf && slabs[100].mix.digit == digit,
	       "another place");
	for (i = 0; i < MOST; i++)
		take_out(i);
	expect_found(0);
}

/* The first of several that will do. */
static void first_is_found(void)
{
	unsigned int i, room;

	for (i = 0; i < 200; i++)
		if (!add(i))
			return;
	for (i = 150; i-- > 0; i -= i % 7) {
		rooms_note(&rooms, &slabs[i], 1ULL << 5);
		noted[i] |= 1ULL << 5;
		EXPECT(rooms_find(&rooms, 3, &room) == &slabs[i],
		       "not slab %u", i);
	}
	for (i = 0; i < 200; i++)
		take_out(i);
}

static void room_of_run(void)
{
	unsigned int granules, c = 0;

	for (granules = 1; granules <= 4096; granules++) {
		while (c + 1 < NR_ROOMS &&
		       size_classes[c + 1].size <= granules * 16)
			c++;
		EXPECT_EQ(c, room_of(granules));
	}
}

static const struct ktap_test tests[] = {
	{"against_table", against_table},
	{"places_are_reused", places_are_reused},
	{"first_is_found", first_is_found},
	{"room_of_run", room_of_run},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
