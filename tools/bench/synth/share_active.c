// SPDX-License-Identifier: MIT
/*
 * Active false sharing: every thread allocates a small object, writes to it
 * many times and frees it. Slow if the allocator gives two threads objects in
 * one cache line.
 */
#include "synth.h"

#include <stdlib.h>

enum { NR_WRITES = 2000, SIZE = 8 };

static unsigned long nr_rounds;

static void work(int index)
{
	for (unsigned long i = 0; i < nr_rounds; i++) {
		volatile char *object = need(malloc(SIZE));

		for (int j = 0; j < NR_WRITES; j++)
			object[j & (SIZE - 1)] += index;
		free((void *)object);
	}
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_rounds = 10000 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
