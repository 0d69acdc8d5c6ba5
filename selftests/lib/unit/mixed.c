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

/* The largest class that fits, found the slow way. */
static unsigned int model_room(unsigned int granules)
{
	unsigned int c = NR_ROOMS - 1;

	while (size_classes[c].size > granules * 16)
		c--;
	return c;
}

static u64 model_rooms(void)
{
	unsigned int run = 0, i, nr = slab->span.nr_units * UNIT_GRANULES;
	u64 rooms = 0;

	for (i = 0; i <= nr; i++) {
		if (i < nr && !owner_of[i]) {
			run++;
			continue;
		}
		if (run)
			rooms |= 1ULL << model_room(run);
		run = 0;
	}
	return rooms;
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
	EXPECT_EQ(model_rooms(), mixed_rooms(slab));
	return true;
}

/* Room of the run of free granules that granule @i is in. */
static unsigned int room_around(unsigned int i)
{
	unsigned int first = i, nr = slab->span.nr_units * UNIT_GRANULES;

	while (first && !owner_of[first - 1])
		first--;
	while (i < nr && !owner_of[i])
		i++;
	return model_room(i - first);
}

static void put_one(unsigned int at)
{
	char *p = objs[at].p;
	unsigned int room = NR_ROOMS;

	EXPECT_EQ(objs[at].size, slab_object_size(entry_of(p), p));
	if (objs[at].size > 16)
		EXPECT_EQ(-EINVAL, mixed_put(slab, p + 16, &room));
	EXPECT_EQ(-EINVAL, mixed_put(slab, p + 1, &room));
	EXPECT_EQ((int)objs[at].size, mixed_put(slab, p, &room));
	EXPECT_EQ(-EALREADY, mixed_put(slab, p, &room));
	model_remove(at);
	/* What is held is free to the model. */
	if (slab->level != SLAB_HELD)
		EXPECT_EQ(room_around((p - slab_base(slab)) / 16), room);
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

/* How many of @want fit into runs of one room, or the first of them. */
static unsigned int model_fit(const struct mixed_want *want)
{
	unsigned int nr = slab->span.nr_units * UNIT_GRANULES, fit = 0, i, end;

	for (i = 0; i < nr; i = end + 1) {
		size_t at = ((size_t)i * 16 + want->align - 1) & -want->align;

		for (end = i; end < nr && !owner_of[end];)
			end++;
		if (end == i || model_room(end - i) != want->room)
			continue;
		if (end * 16 >= at + want->size)
			fit += (end * 16 - at) / want->size;
		if (want->is_longer)
			break;
	}
	return fit;
}

static void take_some(struct rng *rng)
{
	unsigned int c = rng_below(rng, NR_ROOMS), nr, i;
	unsigned int most = 1 + rng_below(rng, 20), fit;
	struct mixed_want want = { .size = size_classes[c].size, .align = 16 };
	u64 before = model_rooms(), left;
	void *got[20];

	if (rng_below(rng, 2))
		want.align = want.size & -want.size;
	want.room = size_class_of(mixed_need(want.size, want.align));
	while (want.room < NR_ROOMS && !(before >> want.room & 1))
		want.room++;
	if (want.room >= NR_ROOMS)
		return;
	want.is_longer = rng_below(rng, 2);
	fit = model_fit(&want);
	nr = mixed_take(slab, &want, got, most, &left);
	EXPECT(fit, "no room %u for %zu", want.room, want.size);
	EXPECT_EQ(fit < most ? fit : most, nr);
	for (i = 0; i < nr; i++) {
		model_add(got[i], want.size);
		EXPECT(!((uintptr_t)got[i] & (want.align - 1)),
		       "%p of size %zu", got[i], want.size);
	}
	EXPECT(!(model_rooms() & ~(before | left)), "%llx left, said %llx",
	       (unsigned long long)model_rooms(), (unsigned long long)left);
	EXPECT_EQ(model_rooms(), mixed_rooms(slab));
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
		unsigned int room;
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
							UNIT_SIZE + 64, &room));
		slab_unhold(slab, units, false);
		EXPECT_EQ(model_free(), slab->nr_free);
		EXPECT_EQ(model_rooms(), mixed_rooms(slab));
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
