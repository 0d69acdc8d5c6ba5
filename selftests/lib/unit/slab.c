// SPDX-License-Identifier: MIT
/*
 * slab.c - slabs of every class on address space that nobody ever touches:
 * slots are handed out lowest first and once, come back by runs, and what is
 * no slot, or free already, is refused. Slabs made together adjoin and go back
 * together.
 */
#include "ktap.h"
#include "testlib.h"

#include "backend/backend.h"
#include "hpheap/hpheap.h"
#include "os/sys.h"
#include "rt/conf.h"
#include "slab/slab.h"

enum { OWNER = 77, NR_GEOMETRIES = SLAB_WIDEST + 1 };

static const struct backend_ops fake_ops = {
	.name = "fake",
};

const struct backend_ops *backend_get(enum backend_id id)
{
	(void)id;
	return &fake_ops;
}

int backend_map(void *addr, size_t len, enum backend_want want,
		enum backend_id *ret_id)
{
	(void)addr;
	(void)len;
	(void)want;
	*ret_id = BK_PLAIN;
	return 0;
}

static int set_up(void)
{
	static int is_set_up;

	if (is_set_up)
		return 1;
	os_init();
	conf.thp_start = 8 << 20;
	is_set_up = EXPECT(!space_init((size_t)1 << 30), "no address space");
	return is_set_up;
}

static unsigned int create(unsigned int c, unsigned int most,
			   struct slab **slabs)
{
	struct slab_want want = {
		.class = c,
		.geometry = SLAB_NORMAL,
		.owner = OWNER,
	};

	return set_up() ? slab_create(&want, most, slabs) : 0;
}

static void destroy(struct slab **slabs, unsigned int nr)
{
	struct slab_rest rest = {0, 0};

	while (nr)
		slab_destroy(slabs[--nr], &rest);
	slab_flush(&rest);
}

static size_t used(void)
{
	struct hpheap_stats sum = {0};

	hpheap_stats_add(hpheap_get(0), &sum);
	return sum.used;
}

static void shuffle(struct rng *rng, void **objs, unsigned int nr)
{
	for (unsigned int i = nr; i > 1; i--) {
		unsigned int j = (unsigned int)rng_below(rng, i);
		void *other = objs[j];

		objs[j] = objs[i - 1];
		objs[i - 1] = other;
	}
}

static int compare(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (void *const *)a;
	uintptr_t y = (uintptr_t) * (void *const *)b;

	return (x > y) - (x < y);
}

/* In portions of 7, so that runs of free slots are cut anywhere. */
static unsigned int take_all(struct slab *s, void **objs)
{
	unsigned int nr = 0, n;

	do {
		n = slab_take(s, objs + nr, 7);
		nr += n;
	} while (n);
	return nr;
}

static void expect_all_slots(struct slab *s, void **objs, unsigned int nr)
{
	size_t size = size_classes[s->class].size;

	EXPECT_EQ(s->nr_objs, nr);
	EXPECT_EQ(0, s->nr_free);
	for (unsigned int i = 0; i < nr; i++)
		EXPECT((char *)objs[i] == slab_base(s) + i * size,
		       "slot %u of class %u at %p", i, s->class, objs[i]);
}

static void each_slot_once(void)
{
	void *objs[MAX_SLAB_OBJS + 7];
	struct rng rng = {1};
	struct slab *s;

	for (unsigned int c = 0; c < NR_CLASSES; c++) {
		if (!EXPECT_EQ(1, create(c, 1, &s)))
			return;
		for (int round = 0; round < 3; round++) {
			unsigned int nr = take_all(s, objs);

			expect_all_slots(s, objs, nr);
			if (round)
				shuffle(&rng, objs, nr);
			EXPECT_EQ(nr, slab_put(s, objs, nr));
			EXPECT_EQ(s->nr_objs, s->nr_free);
		}
		destroy(&s, 1);
	}
}

/* Some come back in any order; just those come again, lowest first. */
static void lowest_first(void)
{
	void *objs[MAX_SLAB_OBJS + 7], *again[MAX_SLAB_OBJS];
	struct rng rng = {2};
	struct slab *s;

	for (unsigned int c = 0; c < NR_CLASSES; c++) {
		unsigned int nr, half, n;

		if (!EXPECT_EQ(1, create(c, 1, &s)))
			return;
		nr = take_all(s, objs);
		half = nr / 2;
		shuffle(&rng, objs, nr);
		EXPECT_EQ(half, slab_put(s, objs, half));
		n = slab_take(s, again, MAX_SLAB_OBJS);
		EXPECT_EQ(half, n);
		qsort(objs, half, sizeof(*objs), compare);
		for (unsigned int i = 0; i < n; i++)
			EXPECT(again[i] == objs[i], "class %u, place %u", c, i);
		EXPECT_EQ(nr, slab_put(s, objs, nr));
		destroy(&s, 1);
	}
}

static void wrong_is_refused(void)
{
	void *objs[MAX_SLAB_OBJS + 7], *wrong[3];
	struct slab *s;

	for (unsigned int c = 0; c < NR_CLASSES; c++) {
		size_t size = size_classes[c].size;
		unsigned int nr;

		if (!EXPECT_EQ(1, create(c, 1, &s)))
			return;
		nr = take_all(s, objs);
		for (size_t off = 1; off < size; off += size / 16) {
			wrong[0] = (char *)objs[nr / 2] + off;
			EXPECT_EQ(0, slab_put(s, wrong, 1));
		}
		wrong[0] = slab_base(s) + nr * size;
		EXPECT_EQ(0, slab_put(s, wrong, 1));
		wrong[0] = slab_base(s) - size;
		EXPECT_EQ(0, slab_put(s, wrong, 1));
		/* Twice in a row of them: the first is taken, no more. */
		wrong[0] = wrong[1] = wrong[2] = objs[nr - 1];
		EXPECT_EQ(1, slab_put(s, wrong, 3));
		EXPECT_EQ(0, slab_put(s, wrong, 1));
		EXPECT_EQ(1, s->nr_free);
		EXPECT_EQ(nr - 1, slab_put(s, objs, nr - 1));
		destroy(&s, 1);
	}
}

/* One bit a unit that none of objs[@from..@nr) touches. */
static uint32_t untouched(const struct slab *s, void **objs, unsigned int from,
			  unsigned int nr)
{
	size_t size = size_classes[s->class].size;
	uint32_t units = (uint32_t)((1ULL << s->span.nr_units) - 1);

	for (unsigned int i = from; i < nr; i++) {
		size_t at = (size_t)((char *)objs[i] - slab_base(s));

		for (size_t u = at / UNIT_SIZE; u <= (at + size - 1) / UNIT_SIZE;
		     u++)
			units &= ~((uint32_t)1 << u);
	}
	return units;
}

/* Whichever few or many objects are free, lowest first or anywhere. */
static void free_some(struct slab *s, struct rng *rng, int round)
{
	void *objs[MAX_SLAB_OBJS + 7];
	unsigned int nr = take_all(s, objs);
	unsigned int nr_free = (unsigned int)rng_below(rng, nr + 1);
	unsigned int from = (unsigned int)rng_below(rng, nr - nr_free + 1);

	if (round % 4 == 0)
		shuffle(rng, objs, nr);
	else if (round % 4 == 1)
		from = nr - nr_free;
	for (unsigned int i = 0; i < nr_free; i++) {
		void *obj = objs[i];

		objs[i] = objs[from + i];
		objs[from + i] = obj;
	}
	for (unsigned int i = 0; i < nr_free; i++)
		EXPECT_EQ(1, slab_put(s, objs + i, 1));
	if (os_page_size == UNIT_SIZE)
		EXPECT_EQ(untouched(s, objs, nr_free, nr), slab_vacant(s));
	EXPECT_EQ(nr - nr_free, slab_put(s, objs + nr_free, nr - nr_free));
}

static void vacant_units(void)
{
	struct slab_want want = {.owner = OWNER};
	struct rng rng = {3};
	struct hpage *hp;
	unsigned int nr;
	struct slab *s;

	for (unsigned int i = 0; set_up() && i < NR_CLASSES * NR_GEOMETRIES;
	     i++) {
		want.class = i / NR_GEOMETRIES;
		want.geometry = i % NR_GEOMETRIES;
		if (!EXPECT_EQ(1, slab_create(&want, 1, &s)))
			return;
		for (int round = 0; round < 20; round++)
			free_some(s, &rng, round);
		hp = &space.hpages[s->span.unit / HPAGE_UNITS];
		nr = hp->nr_slabs;
		destroy(&s, 1);
		EXPECT(nr && hp->nr_slabs == nr - 1, "%u slabs, then %u", nr,
		       hp->nr_slabs);
	}
}

static void batches_adjoin(void)
{
	struct slab *slabs[SLAB_BATCH];
	size_t before;

	if (!set_up())
		return;
	before = used();
	for (unsigned int c = 0; c < NR_CLASSES; c++) {
		unsigned int nr = create(c, SLAB_BATCH, slabs);
		size_t units = size_classes[c].units;

		EXPECT(nr >= 1 && nr <= SLAB_BATCH, "%u slabs", nr);
		EXPECT_EQ(before + (nr * units << UNIT_SHIFT), used());
		for (unsigned int i = 0; i < nr * units; i++) {
			char *p = space_addr(slabs[0]->span.unit + i);

			EXPECT_EQ(OWNER << ENTRY_OWNER_SHIFT | c,
				  (u32)space_load(p));
			EXPECT(slab_of_entry(space_load(p)) == slabs[i / units],
			       "unit %u of class %u", i, c);
		}
		destroy(slabs, nr);
		EXPECT_EQ(before, used());
	}
}

/* An empty slab becomes one of another class, if its length fits. */
static void turns(void)
{
	enum { FROM = 3, TO = 7, LONGER = 18 };
	void *objs[MAX_SLAB_OBJS];
	struct slab *s;

	if (!EXPECT_EQ(1, create(FROM, 1, &s)))
		return;
	EXPECT(!slab_may_turn(s, LONGER), "%u units for %u", s->span.nr_units,
	       size_classes[LONGER].units);
	if (!EXPECT(slab_may_turn(s, TO), "%u units", s->span.nr_units))
		return;
	slab_turn(s, TO, OWNER);
	expect_all_slots(s, objs, slab_take(s, objs, MAX_SLAB_OBJS));
	EXPECT_EQ(size_classes[TO].nr_objs, s->nr_objs);
	EXPECT_EQ(OWNER << ENTRY_OWNER_SHIFT | TO, space_low(objs[0]));
	EXPECT_EQ(s->nr_objs, slab_put(s, objs, s->nr_objs));
	destroy(&s, 1);
}

static const struct ktap_test tests[] = {
	{"turns", turns},
	{"each_slot_once", each_slot_once},
	{"lowest_first", lowest_first},
	{"wrong_is_refused", wrong_is_refused},
	{"vacant_units", vacant_units},
	{"batches_adjoin", batches_adjoin},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
