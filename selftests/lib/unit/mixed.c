// SPDX-License-Identifier: MIT
/*
 * mixed.c - slabs that are plain and then mixed, against a model that knows
 * which 16 bytes belong to which object. The slab's memory is never touched.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>

#include "os/sys.h"
#include "rt/conf.h"
#include "slab/mixed.h"

#define OWNER 7
#define MOST_OBJS 2048

static unsigned int owner_of[MIXED_UNITS * UNIT_GRANULES]; /* 0: free */
static struct {
	char *p;
	size_t size;
} objs[MOST_OBJS];
static unsigned int nr_objs;
static struct slab *slab;

static int set_up(void)
{
	static bool is_done;

	if (is_done)
		return 1;
	os_init();
	conf.thp_start = 8 << 20;
	is_done = EXPECT(!space_init((size_t)1 << 30), "no address space");
	return is_done;
}

static u64 entry_of(const void *p)
{
	return space_load(p);
}

static void model_add(char *p, size_t size)
{
	unsigned int first = (p - slab_base(slab)) / 16, i;

	EXPECT(!((uintptr_t)p % 16), "%p is not aligned", p);
	EXPECT(first + size / 16 <= slab->span.nr_units * UNIT_GRANULES,
	       "%zu bytes at granule %u reach beyond", size, first);
	if (!EXPECT(nr_objs < MOST_OBJS, "too many objects"))
		return;
	objs[nr_objs].p = p;
	objs[nr_objs++].size = size;
	for (i = first; i < first + size / 16; i++) {
		EXPECT(!owner_of[i], "granule %u given out twice", i);
		owner_of[i] = nr_objs;
	}
}

static void model_remove(unsigned int at)
{
	unsigned int first = (objs[at].p - slab_base(slab)) / 16, i;

	for (i = first; i < first + objs[at].size / 16; i++)
		owner_of[i] = 0;
	objs[at] = objs[--nr_objs];
}

static unsigned int model_longest(void)
{
	unsigned int longest = 0, run = 0, i;

	for (i = 0; i < slab->span.nr_units * UNIT_GRANULES; i++) {
		run = owner_of[i] ? 0 : run + 1;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static unsigned int model_free(void)
{
	unsigned int nr = 0, i;

	for (i = 0; i < slab->span.nr_units * UNIT_GRANULES; i++)
		nr += !owner_of[i];
	return nr;
}

/* A slab of class @c of which a random part is live, mixed. */
static bool make_mixed(struct rng *rng, unsigned int c)
{
	struct slab_want want = { .class = c, .owner = OWNER };
	void *got[MAX_SLAB_OBJS];
	unsigned int nr, i;

	if (!EXPECT(slab_create(&want, 1, &slab), "no slab of class %u", c))
		return false;
	nr_objs = 0;
	memset(owner_of, 0, sizeof(owner_of));
	nr = slab_take(slab, got, slab->nr_objs);
	for (i = 0; i < nr; i++) {
		if (rng_below(rng, 3))
			EXPECT_EQ(1, slab_put(slab, &got[i], 1));
		else
			model_add(got[i], size_classes[c].size);
	}
	if (!EXPECT(mixed_make(slab, OWNER), "not mixed"))
		return false;
	EXPECT_EQ(model_free(), slab->nr_free);
	EXPECT_EQ(model_longest(), slab->longest);
	return true;
}

static void put_one(unsigned int at)
{
	char *p = objs[at].p;

	EXPECT_EQ(objs[at].size, slab_object_size(entry_of(p), p));
	if (objs[at].size > 16)
		EXPECT_EQ(-EINVAL, mixed_put(slab, p + 16));
	EXPECT_EQ(-EINVAL, mixed_put(slab, p + 1));
	EXPECT_EQ((int)objs[at].size, mixed_put(slab, p));
	EXPECT_EQ(-EALREADY, mixed_put(slab, p));
	model_remove(at);
}

static void end_mixed(void)
{
	struct slab_rest rest = { 0, 0 };

	while (nr_objs) {
		EXPECT(!mixed_is_empty(slab), "empty with %u live", nr_objs);
		put_one(nr_objs - 1);
	}
	EXPECT(mixed_is_empty(slab), "not empty with nothing live");
	slab_destroy(slab, &rest);
	slab_flush(&rest);
}

static void take_some(struct rng *rng)
{
	unsigned int c = rng_below(rng, NR_FINE + 24);
	unsigned int want = 1 + rng_below(rng, 20), nr, i;
	size_t size = size_classes[c].size;
	bool fits = model_longest() * 16 >= mixed_need(size);
	void *got[20];

	nr = mixed_take(slab, size, got, want);
	EXPECT(nr || !fits, "no room for %zu in %u", size,
	       model_longest() * 16);
	for (i = 0; i < nr; i++) {
		model_add(got[i], size);
		EXPECT(!((uintptr_t)got[i] & ((size & -size) - 1)),
		       "%p of size %zu", got[i], size);
	}
	EXPECT(nr == want || model_longest() * 16 < mixed_need(size),
	       "%u of %u, yet there is room", nr, want);
	EXPECT_EQ(model_longest(), slab->longest);
}

/* Every class that can be mixed, objects of all classes in and out. */
static void against_model(void)
{
	struct rng rng;
	unsigned int c, step;

	rng_start(&rng);
	for (c = 0; set_up() && c < NR_CLASSES; c++) {
		if (size_classes[c].units > MIXED_UNITS ||
		    !make_mixed(&rng, c))
			continue;
		for (step = 0; step < 200; step++) {
			take_some(&rng);
			while (nr_objs && rng_below(&rng, 8))
				put_one(rng_below(&rng, nr_objs));
			EXPECT_EQ(model_free(), slab->nr_free);
			EXPECT(slab->longest >= model_longest() ||
				       nr_objs, "longest run lost");
		}
		end_mixed();
	}
}

/* Units that reclaim holds are not handed out, and what lies beside goes. */
static void held_units(void)
{
	struct rng rng;
	unsigned int round, i;

	rng_start(&rng);
	for (round = 0; set_up() && round < 100; round++) {
		u32 units, vacant = 0;
		char *base;

		if (!make_mixed(&rng, size_class_of(1024)))
			return;
		while (nr_objs && rng_below(&rng, 6))
			put_one(rng_below(&rng, nr_objs));
		base = slab_base(slab);
		units = slab_vacant(slab);
		for (i = 0; i < slab->span.nr_units * UNIT_GRANULES; i++)
			vacant |= (u32)!!owner_of[i] << i / UNIT_GRANULES;
		vacant = ~vacant & ((1U << slab->span.nr_units) - 1);
		EXPECT(!(units & ~vacant), "%x held of %x", units, vacant);
		EXPECT(os_page_size > UNIT_SIZE || units == vacant,
		       "%x vacant, said to be %x", vacant, units);
		slab_hold(slab, units);
		for (i = 0; i < nr_objs; i++)
			if (!(((uintptr_t)objs[i].p) % UNIT_SIZE))
				break;
		if (i < nr_objs)
			put_one(i);
		if (units)
			EXPECT_EQ(-EINVAL,
				  mixed_put(slab, base + ctz64(units) *
							UNIT_SIZE + 64));
		slab_unhold(slab, units, false);
		EXPECT_EQ(model_free(), slab->nr_free);
		EXPECT_EQ(model_longest(), slab->longest);
		end_mixed();
	}
}

static const struct ktap_test tests[] = {
	{"against_model", against_model},
	{"held_units", held_units},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
