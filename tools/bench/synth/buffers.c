// SPDX-License-Identifier: MIT
/*
 * Buffers: a table of live blocks of 1 to 64 KiB, any size as likely as the
 * next, one replaced at random per step and touched once a page, as by programs
 * that read records or messages into buffers of their own.
 */
#include "synth.h"

#include <stdlib.h>

enum { NR_SLOTS = 256, LEAST = 1 << 10, MOST = 64 << 10, PAGE = 4096 };

static unsigned long nr_steps;

static void work(int index)
{
	uint64_t seed = thread_seed(index);
	char *slots[NR_SLOTS] = {0};

	for (unsigned long i = 0; i < nr_steps; i++) {
		size_t slot = random_below(&seed, NR_SLOTS);
		size_t size = LEAST + random_below(&seed, MOST - LEAST);

		free(slots[slot]);
		slots[slot] = need(malloc(size));
		for (size_t at = 0; at < size; at += PAGE)
			slots[slot][at] = 1;
	}
	for (int i = 0; i < NR_SLOTS; i++)
		free(slots[i]);
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_steps = 20000 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
