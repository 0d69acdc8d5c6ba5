// SPDX-License-Identifier: MIT
/*
 * Batches: many objects of a few sizes allocated in a row and freed in a
 * row, some newest first, some oldest first, with a part of each batch left
 * alive for the next round.
 */
#include "synth.h"

#include <stdlib.h>

enum { NR_OBJECTS = 4000, NR_KEPT = 500 };

static unsigned long nr_rounds;

static void free_batch(void **objects, int from_end)
{
	for (int i = 0; i < NR_OBJECTS; i++)
		free(objects[from_end ? NR_OBJECTS - 1 - i : i]);
}

static void work(int index)
{
	static const unsigned short sizes[] = {16,  24,	 40,  56,  72,	96,
					       120, 160, 224, 320, 500, 800};
	uint64_t seed = thread_seed(index);
	void **objects = need(calloc(NR_OBJECTS, sizeof(*objects)));
	void **kept = need(calloc(NR_KEPT, sizeof(*kept)));

	for (unsigned long round = 0; round < nr_rounds; round++) {
		size_t size = sizes[random_below(&seed, 12)];

		for (int i = 0; i < NR_OBJECTS; i++) {
			objects[i] = need(malloc(size));
			*(char *)objects[i] = 1;
		}
		for (int i = 0; i < NR_KEPT; i++) {
			void *old = kept[i];

			kept[i] = objects[8 * i];
			objects[8 * i] = old;
		}
		free_batch(objects, round & 1);
	}
	for (int i = 0; i < NR_KEPT; i++)
		free(kept[i]);
	free(kept);
	free(objects);
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_rounds = 85 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
