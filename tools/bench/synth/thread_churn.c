// SPDX-License-Identifier: MIT
/*
 * Thread churn: a storm of short-lived threads. Each allocates a few hundred
 * objects, frees those that its predecessor left, and leaves some of its own
 * to its successor.
 */
#include "synth.h"

#include <stdlib.h>
#include <pthread.h>

enum { NR_OBJECTS = 400, NR_LEFT = 100 };

struct lane {
	uint64_t seed;
	void *left[NR_LEFT];
};

static unsigned long nr_lives;

static void *live_once(void *arg)
{
	struct lane *lane = arg;
	void *objects[NR_OBJECTS];

	for (int i = 0; i < NR_OBJECTS; i++) {
		objects[i] = need(malloc(16 + random_below(&lane->seed, 240)));
		*(char *)objects[i] = 1;
	}
	for (int i = 0; i < NR_LEFT; i++) {
		free(lane->left[i]);
		lane->left[i] = objects[4 * i];
	}
	for (int i = 0; i < NR_OBJECTS; i++)
		if (i % 4 != 0)
			free(objects[i]);
	return NULL;
}

static void work(int index)
{
	struct lane *lane = need(calloc(1, sizeof(*lane)));
	pthread_t id;

	lane->seed = thread_seed(index);
	for (unsigned long i = 0; i < nr_lives; i++) {
		if (pthread_create(&id, NULL, live_once, lane) != 0)
			abort();
		pthread_join(id, NULL);
	}
	for (int i = 0; i < NR_LEFT; i++)
		free(lane->left[i]);
	free(lane);
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_lives = 300 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
