// SPDX-License-Identifier: MIT
/*
 * The mix of sizes and lifetimes that real programs showed (size_mix.h):
 * objects are made in that mix and freed when their time, counted in
 * allocations, has come. Threads share nothing: each frees what it made.
 */
#include "synth.h"
#include "size_mix.h"

#include <stdlib.h>

enum {
	NR_PARTS = 65536,
	NR_MIX = sizeof(size_mix) / sizeof(size_mix[0]),
	MAX_LIFE_LOG = 19,
	NR_TICKS = 1 << MAX_LIFE_LOG,
};

/* An object lies in its own first bytes on the list of its last tick. */
struct object {
	struct object *next;
};

static unsigned short part_to_mix[NR_PARTS];
static unsigned long nr_objects;
static int nr_running;

static void spread_parts(void)
{
	size_t at = 0;

	for (size_t i = 0; i < NR_MIX; i++)
		for (size_t j = 0; j < size_mix[i].parts; j++)
			part_to_mix[at++] = i;
}

static void free_list(struct object *object)
{
	while (object != NULL) {
		struct object *next = object->next;

		free(object);
		object = next;
	}
}

static size_t pick_life(const struct size_mix *mix, uint64_t *seed,
			size_t nr_ticks)
{
	unsigned int log = 2 * mix->life;
	size_t life = log >= MAX_LIFE_LOG
			      ? nr_ticks - 1
			      : (1u << log) + random_below(seed, 3u << log);

	return life < nr_ticks ? life : nr_ticks - 1;
}

static void work(int index)
{
	uint64_t seed = thread_seed(index);
	size_t nr_ticks = NR_TICKS / nr_running;
	struct object **ends = need(calloc(nr_ticks, sizeof(*ends)));

	for (unsigned long tick = 0; tick < nr_objects; tick++) {
		const struct size_mix *mix =
			&size_mix[part_to_mix[next_random(&seed) >> 48]];
		size_t now = tick % nr_ticks;
		size_t end = (now + pick_life(mix, &seed, nr_ticks)) % nr_ticks;
		size_t size = mix->size - random_below(&seed, 8);
		struct object *object = need(malloc(size));

		free_list(ends[now]);
		ends[now] = NULL;
		object->next = ends[end];
		ends[end] = object;
		((char *)object)[size - 1] = 1;
	}
	for (size_t i = 0; i < nr_ticks; i++)
		free_list(ends[i]);
	free(ends);
}

void bench_run(int nr_threads, unsigned long percent)
{
	spread_parts();
	nr_running = nr_threads;
	nr_objects = 100000 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
