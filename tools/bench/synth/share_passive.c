// SPDX-License-Identifier: MIT
/*
 * Passive false sharing: one thread allocates neighbouring objects and deals
 * them out; each thread frees its own and then allocates and writes. Slow if
 * the allocator hands the freed neighbours back to the threads that freed
 * them.
 */
#include "synth.h"

#include <stdlib.h>

enum { NR_WRITES = 2000, SIZE = 8, MAX_THREADS = 4096 };

static char *dealt[MAX_THREADS];
static unsigned long nr_rounds;

static void work(int index)
{
	free(dealt[index]);
	for (unsigned long i = 0; i < nr_rounds; i++) {
		volatile char *object = need(malloc(SIZE));

		for (int j = 0; j < NR_WRITES; j++)
			object[j & (SIZE - 1)] += index;
		free((void *)object);
	}
}

void bench_run(int nr_threads, unsigned long percent)
{
	for (int i = 0; i < nr_threads; i++)
		dealt[i] = need(malloc(SIZE));
	nr_rounds = 10000 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
