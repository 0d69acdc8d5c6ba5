// SPDX-License-Identifier: MIT
/*
 * Large objects: 32 KiB to 8 MiB, each touched once a page, replaced at
 * random in a small table; one in four is cleared memory.
 */
#include "synth.h"

#include <stdlib.h>

enum { NR_SLOTS = 32, PAGE = 4096 };

static unsigned long nr_steps;
static int nr_running;

static void work(int index)
{
	uint64_t seed = thread_seed(index);
	void *slots[NR_SLOTS] = {0};

	for (unsigned long i = 0; i < nr_steps; i++) {
		size_t slot = random_below(&seed, NR_SLOTS / nr_running + 1) %
			      NR_SLOTS;
		size_t size = (32u << 10) << random_below(&seed, 9);
		char *object;

		size -= random_below(&seed, size / 2);
		free(slots[slot]);
		object = need(i % 4 == 0 ? calloc(1, size) : malloc(size));
		for (size_t at = 0; at < size; at += PAGE)
			object[at] = 1;
		slots[slot] = object;
	}
	for (int i = 0; i < NR_SLOTS; i++)
		free(slots[i]);
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_running = nr_threads;
	nr_steps = 200 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
