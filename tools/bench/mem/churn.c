// SPDX-License-Identifier: MIT
/*
 * Churn under a size mix that shifts: churn MIB. Two threads replace their
 * objects at random for a number of phases; each phase draws sizes around
 * another centre, so memory freed in one class is wanted in others. Live
 * bytes stay near MIB MiB throughout.
 */
#include "mem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NR_THREADS = 2, NR_PHASES = 8, TURNOVERS = 2 };

struct object {
	char *data;
	uint32_t size;
};

struct worker {
	pthread_t id;
	uint64_t seed;
	struct object *objects;
	size_t nr;
	size_t live;
};

static struct worker workers[NR_THREADS];
static pthread_barrier_t barrier;
static size_t goal;
static size_t max_objects;

/* Mean sizes of the phases; within one, half to one and a half of it. */
static const size_t centres[NR_PHASES] = {128, 400, 80,	 1000,
					  200, 64,  600, 128};

static void add(struct worker *worker, struct object *object, int phase)
{
	size_t centre = centres[phase];

	object->size = centre / 2 + random_below(&worker->seed, centre);
	object->data = mem_need(malloc(object->size));
	memset(object->data, phase, object->size);
	worker->live += object->size;
}

static void remove_at(struct worker *worker, size_t at)
{
	free(worker->objects[at].data);
	worker->live -= worker->objects[at].size;
	worker->objects[at] = worker->objects[--worker->nr];
}

static void top_up(struct worker *worker, int phase)
{
	while (worker->live < goal && worker->nr < max_objects)
		add(worker, &worker->objects[worker->nr++], phase);
}

/* Replace by bytes, not by objects: every phase turns the heap over. */
static void run_phase(struct worker *worker, int phase)
{
	size_t churned = 0;

	while (churned < goal * TURNOVERS) {
		size_t at = random_below(&worker->seed, worker->nr);

		churned += worker->objects[at].size;
		remove_at(worker, at);
		top_up(worker, phase);
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	top_up(worker, 0);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (int phase = 0; phase < NR_PHASES; phase++) {
		run_phase(worker, phase);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void report(const char *step)
{
	pthread_barrier_wait(&barrier);
	mem_report(step, workers[0].live + workers[1].live);
	pthread_barrier_wait(&barrier);
}

int main(int argc, char **argv)
{
	char step[32];

	if (argc != 2) {
		fprintf(stderr, "usage: %s MIB\n", argv[0]);
		return 2;
	}
	goal = (mem_number(argv[1], "MIB") << 20) / NR_THREADS;
	max_objects = goal / 50;
	for (int i = 0; i < NR_THREADS; i++) {
		workers[i].seed = 88172645463325252ull + i;
		workers[i].objects =
			mem_table(max_objects * sizeof(struct object));
	}
	mem_baseline();
	mem_mark();
	pthread_barrier_init(&barrier, NULL, NR_THREADS + 1);
	for (int i = 0; i < NR_THREADS; i++)
		if (pthread_create(&workers[i].id, NULL, work, &workers[i]))
			return 1;
	report("filled");
	for (int phase = 0; phase < NR_PHASES; phase++) {
		snprintf(step, sizeof(step), "phase%d", phase);
		report(step);
	}
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(workers[i].id, NULL);
	return 0;
}
