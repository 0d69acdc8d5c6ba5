// SPDX-License-Identifier: MIT
/*
 * Many idle threads: each allocates and frees a working set once, keeps one
 * small object and sleeps. What stays resident a second later, less what the
 * stacks hold, is what the allocator caches for threads that do nothing.
 * THREADS counts in hundreds.
 */
#include "synth.h"

#include <stdlib.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

enum { NR_OBJECTS = 2000, THREADS_PER_UNIT = 100 };

static pthread_barrier_t barrier;

static void work(int index)
{
	uint64_t seed = thread_seed(index);
	void **objects = need(malloc(NR_OBJECTS * sizeof(*objects)));
	void *kept;

	for (int i = 0; i < NR_OBJECTS; i++) {
		objects[i] = need(malloc(16 + random_below(&seed, 500)));
		*(char *)objects[i] = 1;
	}
	for (int i = 0; i < NR_OBJECTS; i++)
		free(objects[i]);
	free(objects);
	kept = need(malloc(100));
	pthread_barrier_wait(&barrier);
	sleep(1);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	free(kept);
}

static void watch(double before)
{
	double busy;

	pthread_barrier_wait(&barrier);
	busy = resident_kib();
	pthread_barrier_wait(&barrier);
	report("rss_busy_kib", busy - before);
	report("rss_idle_kib", resident_kib() - before);
	pthread_barrier_wait(&barrier);
}

static int nr_workers;
static double rss_before;

static void work_or_watch(int index)
{
	if (index < nr_workers)
		work(index);
	else
		watch(rss_before);
}

void bench_run(int nr_threads, unsigned long percent)
{
	(void)percent;
	nr_workers = nr_threads * THREADS_PER_UNIT;
	pthread_barrier_init(&barrier, NULL, nr_workers + 1);
	rss_before = resident_kib();
	run_threads(nr_workers + 1, work_or_watch);
	pthread_barrier_destroy(&barrier);
}
