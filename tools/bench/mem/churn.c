// SPDX-License-Identifier: MIT
/*
 * Churn under a size mix that shifts: churn MIX MIB. Two threads replace
 * their objects at random for a number of phases. In the mix `drift` all
 * sizes stay in use and their weights move; in `jump` each phase draws
 * around another centre, so nearly all memory freed in one class is wanted in
 * others, which is the worst case. Live bytes stay near MIB MiB throughout.
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

static size_t (*size_in_phase)(uint64_t *seed, int phase);

/* The least of several draws favours small sizes, the greatest large ones. */
static size_t drifting_size(uint64_t *seed, int phase)
{
	static const signed char draws[NR_PHASES] = {1, -2, 1, 2, 1, -2, 2, 1};
	int nr = abs(draws[phase]);
	size_t size = random_below(seed, 497);

	while (--nr > 0) {
		size_t other = random_below(seed, 497);

		if ((other < size) == (draws[phase] > 0))
			size = other;
	}
	return 16 + size;
}

static size_t jumping_size(uint64_t *seed, int phase)
{
	static const size_t centres[NR_PHASES] = {128, 400, 80,	 1000,
						  200, 64,  600, 128};

	return centres[phase] / 2 + random_below(seed, centres[phase]);
}

static void add(struct worker *worker, struct object *object, int phase)
{
	object->size = size_in_phase(&worker->seed, phase);
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

static size_t (*find_mix(const char *name))(uint64_t *, int)
{
	if (strcmp(name, "drift") == 0)
		return drifting_size;
	if (strcmp(name, "jump") == 0)
		return jumping_size;
	fprintf(stderr, "MIX \"%s\": expected drift or jump\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	char step[32];

	if (argc != 3) {
		fprintf(stderr, "usage: %s drift|jump MIB\n", argv[0]);
		return 2;
	}
	size_in_phase = find_mix(argv[1]);
	goal = (mem_number(argv[2], "MIB") << 20) / NR_THREADS;
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
