// SPDX-License-Identifier: MIT
/*
 * idle.c - objects that wait in a thread's cache do not keep the memory around
 * them for ever: a thread that goes on with another size gives them back, and one
 * that has freed nearly all of much keeps none.
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

static const struct ktap_test tests[] = {
	{"all_freed_is_not_cached", all_freed_is_not_cached},
	{"unused_stacks_are_emptied", unused_stacks_are_emptied},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
