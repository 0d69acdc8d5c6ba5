// SPDX-License-Identifier: MIT
/*
 * runs.c - freed runs that wait in a thread's cache: which one serves a request,
 * which go when there is no room, and how much room there is.
 */
#include "ktap.h"
#include "testlib.h"

#include "heap/large.h"
#include "heap/process.h"
#include "heap/runs.h"
#include "hpheap/hpheap.h"

#define KIB ((size_t)1 << 10)
#define BUDGET (1024 * KIB)

static struct run_cache cache;

static void *fresh(size_t size)
{
	size_t stale;

	return large_alloc(size, 1, &stale);
}

static bool keep(void *p)
{
	struct span *s = large_end(space_load(p), p);

	if (runs_keep(&cache, s, BUDGET))
		return true;
	large_release(s);
	return false;
}

static void release(void *p)
{
	large_free(space_load(p), p);
}

static size_t in_use(void)
{
	size_t used = 0;

	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h))
		used += hpheap_used(h);
	return used;
}

static void best_fit(void)
{
	size_t before = large_bytes(), count = large_count();
	void *p40 = fresh(40 * KIB), *p48 = fresh(48 * KIB), *p;

	EXPECT(keep(p48), "not kept");
	EXPECT_EQ(before + 40 * KIB, large_bytes());
	EXPECT_EQ(count + 1, large_count());
	EXPECT(!space_load(p48), "an allocation while it waits");
	/* Of 48 KiB an eighth may be wasted, and not more. */
	EXPECT(!runs_alloc(&cache, 48 * KIB + 1), "too short a run");
	EXPECT(!runs_alloc(&cache, 40 * KIB), "too long a run");
	EXPECT(runs_alloc(&cache, 44 * KIB) == p48, "44 KiB of 48 refused");
	EXPECT_EQ(before + 88 * KIB, large_bytes());
	EXPECT_EQ(count + 2, large_count());
	EXPECT_EQ(48 * KIB, large_usable(space_load(p48)));
	EXPECT(!runs_alloc(&cache, 44 * KIB), "given out twice");
	EXPECT(keep(p48) && keep(p40), "not kept again");
	/* The shortest that will do; of the same length the newest. */
	p = fresh(40 * KIB);
	EXPECT(keep(p), "not kept");
	EXPECT(runs_alloc(&cache, 40 * KIB) == p, "not the newest");
	EXPECT(runs_alloc(&cache, 37 * KIB) == p40, "not the shortest");
	release(p);
	release(p40);
	runs_flush(&cache);
	EXPECT(!runs_alloc(&cache, 48 * KIB), "flushed, but there");
	EXPECT_EQ(before, large_bytes());
}

static void oldest_go(void)
{
	void *p[8], *longest = fresh(257 * KIB);
	size_t used = in_use();
	unsigned int i;

	for (i = 0; i < 8; i++)
		p[i] = fresh((40 + 12 * i) * KIB);
	EXPECT(!keep(longest), "257 KiB are to wait");
	used -= 260 * KIB;
	for (i = 0; i < 8; i++)
		EXPECT(keep(p[i]), "%u not kept", i);
	/* 256 KiB at first: the last two, of 112 and 124 KiB. */
	EXPECT_EQ(used + 236 * KIB, in_use());
	EXPECT(!runs_alloc(&cache, 88 * KIB), "the oldest are there");
	runs_flush(&cache);
	EXPECT_EQ(used, in_use());
}

/* @nr requests, of which @served find a run. */
static void ask(unsigned int nr, unsigned int served)
{
	for (unsigned int i = 0; i < nr; i++) {
		size_t size = i < served ? 40 * KIB : 200 * KIB;
		void *p = runs_alloc(&cache, size);

		EXPECT(!p == (i >= served), "request %u of %u", i, served);
		if (p)
			keep(p);
	}
	runs_review(&cache, BUDGET);
}

/* How many runs of 40 KiB there is room for. */
static size_t room(void)
{
	void *p[32];
	unsigned int i;

	for (i = 0; i < 32; i++)
		p[i] = fresh(40 * KIB);
	for (i = 0; i < 32; i++)
		keep(p[i]);
	return cache.nr_units / 10;
}

static void room_is_earned(void)
{
	static const struct {
		unsigned int served, runs;
	} steps[] = {{60, 12}, {80, 25}, {40, 25}, {90, 25}, {20, 12},
		     {0, 6},   {0, 3},	 {0, 3},   {60, 6}};
	unsigned int i;

	EXPECT_EQ(6, room());
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		ask(100, steps[i].served);
		EXPECT_EQ(steps[i].runs, room());
	}
	/* Nobody asks: nothing waits, until somebody does. */
	runs_review(&cache, BUDGET);
	EXPECT_EQ(0, cache.nr_units);
	EXPECT_EQ(0, room());
	EXPECT(!runs_alloc(&cache, 40 * KIB), "out of nothing");
	/* Few requests tell nothing. */
	i = room();
	EXPECT(i > 0, "nothing is kept");
	ask(10, 0);
	EXPECT_EQ(i, room());
	runs_flush(&cache);
}

static const struct ktap_test tests[] = {
	{"best_fit", best_fit},
	{"oldest_go", oldest_go},
	{"room_is_earned", room_is_earned},
	{},
};

int main(int argc, char **argv)
{
	return process_init() ? ktap_main(tests, argc, argv) : 1;
}
