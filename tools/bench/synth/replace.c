// SPDX-License-Identifier: MIT
/*
 * Random replacement: a table of live objects of 16 to 1024 bytes, small ones
 * much likelier, one replaced at random per step and its ends written.
 */
#include "synth.h"

#include <stdlib.h>

enum { NR_SLOTS = 1 << 16 };

static unsigned long nr_steps;
static int nr_running;

static void work(int index)
{
	uint64_t seed = thread_seed(index);
	size_t nr_slots = NR_SLOTS / nr_running;
	char **slots = need(calloc(nr_slots, sizeof(*slots)));

	for (unsigned long i = 0; i < nr_steps; i++) {
		size_t slot = random_below(&seed, nr_slots);
		size_t size = 16u << random_below(&seed, 7);

		size -= random_below(&seed, size / 2);
		free(slots[slot]);
		slots[slot] = need(malloc(size));
		slots[slot][0] = 1;
		slots[slot][size - 1] = 1;
	}
	for (size_t i = 0; i < nr_slots; i++)
		free(slots[i]);
	free(slots);
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_running = nr_threads;
	nr_steps = 600000 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
