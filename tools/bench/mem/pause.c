// SPDX-License-Identifier: MIT
/*
 * How long single malloc() and free() calls take while memory is being given
 * back:
 *
 *	pause KIND MIB
 *
 * Two threads time every call. KIND is swing: their live bytes go up and down, so
 * that purging always has work; or small: they fill all with blocks of one small
 * size, free half of them at random and then replace one after the other, so
 * that whatever looks through the heap meets long lists. Prints the distribution
 * in nanoseconds, and beside it that of an empty timed region (`idle`): on
 * a shared machine the tail of that one is the scheduler's, not the
 * allocator's.
 */
#include "mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NR_THREADS = 2, NR_SECONDS = 8, NR_BUCKETS = 40 * 8, SMALL = 128 };

enum call { CALL_MALLOC, CALL_FREE, CALL_IDLE, NR_CALLS };

struct worker {
	pthread_t id;
	uint64_t seed;
	char **objects;
	uint64_t counts[NR_CALLS][NR_BUCKETS];
	uint64_t worst[NR_CALLS];
};

static struct worker workers[NR_THREADS];
static size_t goal;
static size_t max_objects;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Eight buckets a doubling. */
static unsigned int bucket_of(uint64_t ns)
{
	unsigned int log;

	if (ns < 8)
		return ns;
	log = 63 - __builtin_clzll(ns);
	return (log - 2) * 8 + ((ns >> (log - 3)) & 7);
}

static uint64_t bucket_ns(unsigned int bucket)
{
	if (bucket < 8)
		return bucket;
	return (uint64_t)(8 + bucket % 8) << (bucket / 8 - 1);
}

static void note(struct worker *worker, enum call call, uint64_t start)
{
	uint64_t ns = now_ns() - start;

	worker->counts[call][bucket_of(ns)]++;
	if (ns > worker->worst[call])
		worker->worst[call] = ns;
}

static char *timed_malloc(struct worker *worker, size_t size)
{
	uint64_t start = now_ns();
	char *p = malloc(size);

	note(worker, CALL_MALLOC, start);
	mem_need(p);
	for (size_t at = 0; at < size; at += 4096)
		p[at] = 1;
	start = now_ns();
	note(worker, CALL_IDLE, start);
	return p;
}

static void timed_free(struct worker *worker, char *p)
{
	uint64_t start = now_ns();

	free(p);
	note(worker, CALL_FREE, start);
}

static void grow(struct worker *worker, size_t *nr, size_t *len, size_t *sizes)
{
	while (*len < goal && *nr < max_objects) {
		size_t size = 32u << random_below(&worker->seed, 11);

		worker->objects[*nr] = timed_malloc(worker, size);
		sizes[(*nr)++] = size;
		*len += size;
	}
}

static void shrink(struct worker *worker, size_t *nr, size_t *len,
		   size_t *sizes)
{
	while (*len > goal / 10 && *nr > 0) {
		size_t at = random_below(&worker->seed, *nr);

		timed_free(worker, worker->objects[at]);
		*len -= sizes[at];
		worker->objects[at] = worker->objects[--*nr];
		sizes[at] = sizes[*nr];
	}
}

static void *swing(void *arg)
{
	struct worker *worker = arg;
	size_t *sizes = mem_table(max_objects * sizeof(*sizes));
	size_t nr = 0;
	size_t len = 0;

	while (mem_elapsed() < NR_SECONDS) {
		grow(worker, &nr, &len, sizes);
		shrink(worker, &nr, &len, sizes);
	}
	return NULL;
}

static void *replace_small(void *arg)
{
	struct worker *worker = arg;
	char **objects = worker->objects;
	size_t nr = goal / SMALL;
	double end;

	for (size_t i = 0; i < nr; i++)
		objects[i] = timed_malloc(worker, SMALL);
	while (nr > goal / SMALL / 2) {
		size_t at = random_below(&worker->seed, nr);

		timed_free(worker, objects[at]);
		objects[at] = objects[--nr];
	}
	end = mem_elapsed() + NR_SECONDS;
	while (mem_elapsed() < end) {
		size_t at = random_below(&worker->seed, nr);

		timed_free(worker, objects[at]);
		objects[at] = timed_malloc(worker, SMALL);
	}
	return NULL;
}

static uint64_t quantile(enum call call, double part)
{
	uint64_t total = 0;
	uint64_t sum = 0;

	for (int t = 0; t < NR_THREADS; t++)
		for (int i = 0; i < NR_BUCKETS; i++)
			total += workers[t].counts[call][i];
	for (int i = 0; i < NR_BUCKETS; i++) {
		for (int t = 0; t < NR_THREADS; t++)
			sum += workers[t].counts[call][i];
		if (sum >= total * part)
			return bucket_ns(i);
	}
	return 0;
}

static void print_call(const char *name, enum call call)
{
	uint64_t worst = 0;

	for (int t = 0; t < NR_THREADS; t++)
		if (workers[t].worst[call] > worst)
			worst = workers[t].worst[call];
	printf("pause %s p50 %llu p99 %llu p999 %llu p9999 %llu p99999 %llu "
	       "max %llu\n",
	       name, (unsigned long long)quantile(call, 0.5),
	       (unsigned long long)quantile(call, 0.99),
	       (unsigned long long)quantile(call, 0.999),
	       (unsigned long long)quantile(call, 0.9999),
	       (unsigned long long)quantile(call, 0.99999),
	       (unsigned long long)worst);
}

int main(int argc, char **argv)
{
	bool is_small = argc == 3 && !strcmp(argv[1], "small");

	if (argc != 3 || (!is_small && strcmp(argv[1], "swing"))) {
		fprintf(stderr, "usage: %s swing|small MIB\n", argv[0]);
		return 2;
	}
	goal = (mem_number(argv[2], "MIB") << 20) / NR_THREADS;
	max_objects = goal / (is_small ? SMALL : 1024);
	mem_mark();
	for (int i = 0; i < NR_THREADS; i++) {
		workers[i].seed = 88172645463325252ull + i;
		workers[i].objects = mem_table(max_objects * sizeof(char *));
		if (pthread_create(&workers[i].id, NULL,
				   is_small ? replace_small : swing,
				   &workers[i]))
			return 1;
	}
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(workers[i].id, NULL);
	print_call("malloc", CALL_MALLOC);
	print_call("free", CALL_FREE);
	print_call("idle", CALL_IDLE);
	return 0;
}
