// SPDX-License-Identifier: MIT
/*
 * tcache.c - the stacks of a thread cache: what is in them, and in which order,
 * survives every change of length; how long they may get rises with leave.
 */
#include "ktap.h"
#include "testlib.h"

#include "cache/tcache.h"

enum { CLASS = 3, MOST = 200 };

/* Objects are never touched: any address will do. */
static void *obj(unsigned int i)
{
	return (void *)(0x10000 + 64UL * i);
}

static void push(struct tcache *t, unsigned int first, unsigned int nr)
{
	void *objs[MOST];

	for (unsigned int i = 0; i < nr; i++)
		objs[i] = obj(first + i);
	tcache_push_all(t, CLASS, objs, nr);
}

/* The stack holds obj(first) on top, and @nr in all. */
static void expect_stack(struct tcache *t, unsigned int first, unsigned int nr)
{
	EXPECT_EQ(nr, tcache_nr(t, CLASS));
	EXPECT_EQ(t->cap[CLASS] - nr, tcache_room(t, CLASS));
	for (unsigned int i = 0; i < nr; i++)
		EXPECT(t->top[CLASS][i] == obj(first + i), "place %u of %u", i,
		       nr);
	EXPECT(!t->top[CLASS][nr], "no NULL behind %u", nr);
}

static void empty_without_array(void)
{
	for (unsigned int c = 0; c < NR_CLASSES; c++) {
		EXPECT_EQ(0, tcache_nr(&tcache, c));
		EXPECT_EQ(0, tcache_room(&tcache, c));
		EXPECT(!*tcache.top[c], "class %u", c);
	}
}

static void keeps_order(void)
{
	struct tcache *t = &tcache;

	EXPECT(tcache_resize(t, CLASS, 10), "no memory");
	push(t, 0, 7);
	expect_stack(t, 0, 7);
	for (unsigned int cap = 7; cap <= MOST; cap += 13) {
		EXPECT(tcache_resize(t, CLASS, cap), "no memory");
		EXPECT_EQ(cap, t->cap[CLASS]);
		EXPECT_EQ((size_t)cap * size_classes[CLASS].size, t->capacity);
		expect_stack(t, 0, 7);
	}
	push(t, 100, 5);
	EXPECT_EQ(12, tcache_nr(t, CLASS));
	EXPECT(t->top[CLASS][4] == obj(104) && t->top[CLASS][5] == obj(0),
	       "the new are not above the old");
	/* The older are at the far end. */
	EXPECT(t->floor[CLASS][t->cap[CLASS] - 1] == obj(6), "not the oldest");
	tcache_drop_oldest(t, CLASS, 7);
	expect_stack(t, 100, 5);
	tcache_drop_oldest(t, CLASS, 5);
	expect_stack(t, 0, 0);
	EXPECT(tcache_resize(t, CLASS, 0), "no memory");
	EXPECT_EQ(0, t->capacity);
	empty_without_array();
}

/* Filled in place from below the top; the first object goes to the caller. */
static void fills_in_place(void)
{
	struct tcache *t = &tcache;

	for (unsigned int room = 1; room <= 20; room++)
		for (unsigned int nr = 1; nr <= room; nr++) {
			EXPECT(tcache_resize(t, CLASS, 20), "no memory");
			for (unsigned int i = 0; i < nr; i++)
				(t->top[CLASS] - room)[i] = obj(i);
			tcache_fill(t, CLASS, room, nr);
			expect_stack(t, 1, nr - 1);
			tcache_drop_oldest(t, CLASS, nr - 1);
			EXPECT(tcache_resize(t, CLASS, 0), "no memory");
		}
}

/* A long array grows and shrinks where it is; what is in it never moves. */
static void grows_in_place(void)
{
	struct tcache *t = &tcache;
	unsigned int most = tcache_max_cap(CLASS);
	void **top;

	EXPECT(tcache_resize(t, CLASS, 10), "no memory");
	push(t, 0, 7);
	EXPECT(tcache_resize(t, CLASS, most / 4), "no memory");
	expect_stack(t, 0, 7);
	top = t->top[CLASS];
	for (unsigned int cap = most / 4; cap <= most; cap += most / 8) {
		EXPECT(tcache_resize(t, CLASS, cap), "no memory");
		EXPECT(t->top[CLASS] == top, "moved at %u", cap);
		expect_stack(t, 0, 7);
	}
	/* All of its words are its own. */
	for (unsigned int i = 0; i < most - 7; i++)
		t->floor[CLASS][i] = obj(MOST);
	expect_stack(t, 0, 7);
	EXPECT(tcache_resize(t, CLASS, 7), "no memory");
	expect_stack(t, 0, 7);
	EXPECT(t->top[CLASS] != top, "a short one is still long");
	tcache_drop_oldest(t, CLASS, 7);
	EXPECT(tcache_resize(t, CLASS, 0), "no memory");
	EXPECT_EQ(0, t->capacity);
	empty_without_array();
}

static void lengths(void)
{
	for (unsigned int c = 0; c < NR_CLASSES; c++) {
		size_t size = size_classes[c].size;
		unsigned int most = tcache_max_cap(c), before = 0;

		EXPECT(tcache_start_cap(c, UINT_MAX) <= most, "class %u", c);
		EXPECT(tcache_start_cap(c, 1) == 1, "class %u", c);
		EXPECT(most * size <= 1 << 20, "%u of %zu bytes", most, size);
		for (size_t bytes = 0; bytes < 1UL << 30;
		     bytes = 2 * bytes + 1) {
			unsigned int cap = tcache_miss_cap(c, bytes, false);

			EXPECT(cap >= before && cap >= 1 && cap <= most,
			       "class %u, %zu bytes: %u", c, bytes, cap);
			EXPECT(cap * size <= max_size(size, 4096) ||
				       cap * size <= bytes / 8,
			       "class %u, %zu bytes: %u", c, bytes, cap);
			before = cap;
		}
		EXPECT(tcache_miss_cap(c, 1 << 30, true) * size <= 1024,
		       "class %u", c);
	}
}

static const struct ktap_test tests[] = {
	{"empty_without_array", empty_without_array},
	{"keeps_order", keeps_order},
	{"fills_in_place", fills_in_place},
	{"grows_in_place", grows_in_place},
	{"lengths", lengths},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
