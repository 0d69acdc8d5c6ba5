// SPDX-License-Identifier: MIT
/*
 * Objects of up to 16 KiB, small ones likelier: each thread replaces its own at
 * random, and now and then fills a box of others, leaves it for whoever comes
 * by, and frees what is in the box that it finds in its place. Threads come and
 * go in rounds.
 */
#include "synth.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NR_OBJECTS = 10000, NR_BOXES = 64, BOX = 300, STEPS_A_BOX = 3000 };
enum { NR_ROUNDS = 4, MOST = 16 << 10, TOUCHED = 64 };

static void **_Atomic boxes[NR_BOXES];
static unsigned long nr_turns;

static void *object(uint64_t *seed)
{
	size_t size = 16 + random_below(seed, random_below(seed, MOST) + 1);
	void *p = need(malloc(size));

	memset(p, 1, size < TOUCHED ? size : TOUCHED);
	return p;
}

static void empty_box(void **box)
{
	for (int i = 0; box && i < BOX; i++)
		free(box[i]);
	free(box);
}

static void pass_box(uint64_t *seed)
{
	void **box = need(malloc(BOX * sizeof(*box)));

	for (int i = 0; i < BOX; i++)
		box[i] = object(seed);
	empty_box(atomic_exchange(&boxes[random_below(seed, NR_BOXES)], box));
}

static void work(int index)
{
	uint64_t seed = thread_seed(index);
	void **own = need(calloc(NR_OBJECTS, sizeof(*own)));

	for (unsigned long turn = 0; turn < nr_turns; turn++) {
		pass_box(&seed);
		for (int i = 0; i < STEPS_A_BOX; i++) {
			size_t at = random_below(&seed, NR_OBJECTS);

			free(own[at]);
			own[at] = object(&seed);
		}
	}
	for (int i = 0; i < NR_OBJECTS; i++)
		free(own[i]);
	free(own);
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_turns = 6 * percent / nr_threads / NR_ROUNDS + 1;
	for (int round = 0; round < NR_ROUNDS; round++)
		run_threads(nr_threads, work);
	for (int i = 0; i < NR_BOXES; i++)
		empty_box(atomic_exchange(&boxes[i], NULL));
}
