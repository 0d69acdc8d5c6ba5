// SPDX-License-Identifier: MIT
/*
 * Fragmentation: each phase fills up with objects of one size range and then
 * frees nine in ten of them at random; the next phase uses other sizes. What
 * an allocator can't reuse across sizes shows as peak memory.
 */
#include "synth.h"

#include <stdlib.h>

enum { NR_PHASES = 10, NR_BYTES = 24 << 20 };

struct survivors {
	void **objects;
	size_t nr;
};

static unsigned long nr_cycles;
static int nr_running;

static size_t run_phase(struct survivors *all, void **batch, size_t base,
			uint64_t *seed)
{
	size_t nr = 0;
	size_t kept = 0;

	for (size_t len = 0; len < (size_t)NR_BYTES / nr_running;) {
		size_t size = base + random_below(seed, base / 2 + 1);

		batch[nr] = need(malloc(size));
		*(char *)batch[nr++] = 1;
		len += size;
	}
	for (size_t i = 0; i < nr; i++) {
		if (random_below(seed, 10) == 0) {
			all->objects[all->nr++] = batch[i];
			kept++;
		} else {
			free(batch[i]);
		}
	}
	return kept;
}

static void work(int index)
{
	uint64_t seed = thread_seed(index);
	size_t max = NR_BYTES / 16 / nr_running + 1;
	void **batch = need(malloc(max * sizeof(*batch)));
	struct survivors all = {need(malloc(max * NR_PHASES * sizeof(*batch))),
				0};

	for (unsigned long cycle = 0; cycle < nr_cycles; cycle++) {
		for (int phase = 0; phase < NR_PHASES; phase++)
			run_phase(&all, batch, 16u << phase, &seed);
		while (all.nr > 0)
			free(all.objects[--all.nr]);
	}
	free(all.objects);
	free(batch);
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_running = nr_threads;
	nr_cycles = (2 * percent + 99) / 100;
	run_threads(nr_threads, work);
}
