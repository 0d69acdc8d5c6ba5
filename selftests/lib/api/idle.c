// SPDX-License-Identifier: MIT
/*
 * idle.c - objects that wait in a thread's cache do not keep the memory around
 * them for ever: a thread that goes on with another size gives them back, and one
 * that has freed nearly all of much keeps none.  The more it has in use the more
 * may wait.
 */
#include "ktap.h"
#include "testlib.h"

#include <malloc.h>
#include <stdlib.h>

enum { NR_OBJECTS = 16384, SIZE = 512, APART = 32, ROUNDS = 50 };

static void *objects[NR_OBJECTS];

/* Those that are freed last lie far apart, and fit into the cache. */
static void free_and_leave_some_cached(void)
{
	for (int i = 0; i < NR_OBJECTS; i++)
		if (i % APART)
			free(objects[i]);
	for (int i = 0; i < NR_OBJECTS; i += APART)
		free(objects[i]);
}

/* More than a cache holds, so that it runs empty and full. */
static void work_with_another_size(void)
{
	static void *other[20000];

	for (int i = 0; i < 20000; i++)
		other[i] = malloc(200);
	for (int i = 0; i < 20000; i++)
		free(other[i]);
}

static void unused_stacks_are_emptied(void)
{
	size_t before, full, now = 0;
	int i;

	if (!is_ashlar()) {
		ktap_skip("libc merges its chunks");
		return;
	}
	work_with_another_size();
	before = mallinfo2().arena;
	for (i = 0; i < NR_OBJECTS; i++)
		objects[i] = malloc(SIZE);
	full = mallinfo2().arena;
	EXPECT(full >= before + NR_OBJECTS * SIZE / 2, "%zu, then %zu bytes",
	       before, full);
	free_and_leave_some_cached();
	for (i = 0; i < ROUNDS; i++) {
		work_with_another_size();
		now = mallinfo2().arena;
		if (now < before + (full - before) / 4)
			return;
	}
	EXPECT(0, "%zu bytes of %zu still in slabs, %zu at first", now, full,
	       before);
}

/* Freed far apart: what the cache kept would pin many slabs. */
static void all_freed_is_not_cached(void)
{
	enum { NR = 200000, STEP = 7919, PRIME = 199999 };
	static void *mixed[NR];
	long long left;

	if (!is_ashlar() || is_hardened()) {
		ktap_skip(is_ashlar() ? "the quarantine keeps what is freed" :
					"libc merges its chunks");
		return;
	}
	for (int i = 0; i < NR; i++)
		mixed[i] = malloc(16 + (size_t)i * 7 % 480);
	for (int i = 0; i < NR - 1; i++)
		free(mixed[(long)i * STEP % PRIME]);
	free(mixed[NR - 1]);
	left = ashlar_stat("small");
	EXPECT(left < 64 << 10, "%lld bytes in blocks and caches", left);
}

enum {
	NR_SIZES = 5,
	NR_EACH = 96,
	MEDIUM = 8 << 10, /* mean size */
	BURST = NR_SIZES * NR_EACH * MEDIUM,
	NR_HELD = 11 << 20 >> 9,
};

/* Allocate and free more than the cache of a thread with nothing else holds. */
static void burst(void)
{
	static void *blocks[NR_SIZES][NR_EACH];

	for (int i = 0; i < NR_EACH; i++)
		for (int s = 0; s < NR_SIZES; s++)
			blocks[s][i] = malloc(MEDIUM + (s - 2) * 1024);
	for (int i = 0; i < NR_EACH; i++)
		for (int s = 0; s < NR_SIZES; s++)
			free(blocks[s][i]);
}

/* How often the cache runs empty or full in so many bursts, once it is used to. */
static long long turns_of_bursts(void)
{
	long long before;

	for (int i = 0; i < ROUNDS; i++)
		burst();
	before = ashlar_stat("refills") + ashlar_stat("flushes");
	for (int i = 0; i < ROUNDS; i++)
		burst();
	return ashlar_stat("refills") + ashlar_stat("flushes") - before;
}

static void cache_is_as_large_as_use(void)
{
	static void *held[NR_HELD];
	long long alone, beside, left, before;

	if (!is_ashlar() || is_hardened()) {
		ktap_skip(is_ashlar() ? "blocks are not cached" :
					"libc does not say what it caches");
		return;
	}
	before = ashlar_stat("small");
	alone = turns_of_bursts();
	for (int i = 0; i < NR_HELD; i++)
		held[i] = malloc(SIZE);
	beside = turns_of_bursts();
	EXPECT(beside < alone / 4, "%lld turns beside much in use, %lld alone",
	       beside, alone);
	for (int i = 0; i < NR_HELD; i++)
		free(held[i]);
	for (int i = 0; i < ROUNDS; i++)
		work_with_another_size();
	burst();
	left = ashlar_stat("small") - before;
	EXPECT(left < BURST * 2 / 3, "%lld bytes cached of bursts of %d", left,
	       (int)BURST);
}

static const struct ktap_test tests[] = {
	{"cache_is_as_large_as_use", cache_is_as_large_as_use},
	{"all_freed_is_not_cached", all_freed_is_not_cached},
	{"unused_stacks_are_emptied", unused_stacks_are_emptied},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
