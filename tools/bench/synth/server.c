// SPDX-License-Identifier: MIT
/*
 * Server churn: each thread owns a table of live objects and replaces them
 * at random; after a number of requests it hands its table to a successor
 * thread and exits, so that most objects die in another thread than the one
 * that made them (the pattern of Larson and Krishnan, ISMM'98).
 */
#include "synth.h"

#include <stdlib.h>
#include <pthread.h>

enum { NR_SLOTS = 1000, NR_LIVES = 100, MIN_SIZE = 8, MAX_SIZE = 1000 };

struct worker {
	void *slots[NR_SLOTS];
	uint64_t seed;
	unsigned long nr_requests;
};

static unsigned long work_percent;

static void *live_once(void *arg)
{
	struct worker *worker = arg;

	for (unsigned long i = 0; i < worker->nr_requests; i++) {
		size_t slot = random_below(&worker->seed, NR_SLOTS);
		size_t size = MIN_SIZE +
			      random_below(&worker->seed, MAX_SIZE - MIN_SIZE);
		char *object = need(malloc(size));

		free(worker->slots[slot]);
		object[0] = 1;
		object[size - 1] = 1;
		worker->slots[slot] = object;
	}
	return NULL;
}

static void serve(int index)
{
	struct worker *worker = need(calloc(1, sizeof(*worker)));
	pthread_t id;

	worker->seed = thread_seed(index);
	worker->nr_requests = 4000 * work_percent;
	for (int life = 0; life < NR_LIVES; life++) {
		if (pthread_create(&id, NULL, live_once, worker) != 0)
			abort();
		pthread_join(id, NULL);
	}
	for (int i = 0; i < NR_SLOTS; i++)
		free(worker->slots[i]);
	free(worker);
}

void bench_run(int nr_threads, unsigned long percent)
{
	work_percent = 2 * percent / nr_threads + 1;
	run_threads(nr_threads, serve);
}
