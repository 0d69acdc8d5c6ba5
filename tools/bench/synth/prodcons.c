// SPDX-License-Identifier: MIT
/*
 * Producer and consumer: half of the threads allocate and fill, the other
 * half read and free. Batches pass through a bounded queue under a mutex, so
 * the queue costs little beside the objects in it.
 */
#include "synth.h"

#include <stdlib.h>
#include <pthread.h>
#include <string.h>

enum { NR_BATCH = 128, MAX_QUEUE = 64, MIN_SIZE = 16, MAX_SIZE = 400 };

struct batch {
	struct batch *next;
	void *objects[NR_BATCH];
};

/* The queue; all of it guarded by lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static struct batch *queue;
static int nr_queued;
static int nr_producing;

static int nr_pairs;
static unsigned long nr_batches;

static void put_batch(struct batch *batch)
{
	pthread_mutex_lock(&lock);
	while (nr_queued >= MAX_QUEUE)
		pthread_cond_wait(&not_full, &lock);
	batch->next = queue;
	queue = batch;
	nr_queued++;
	pthread_cond_signal(&not_empty);
	pthread_mutex_unlock(&lock);
}

static struct batch *get_batch(void)
{
	struct batch *batch;

	pthread_mutex_lock(&lock);
	while (queue == NULL && nr_producing > 0)
		pthread_cond_wait(&not_empty, &lock);
	batch = queue;
	if (batch != NULL) {
		queue = batch->next;
		nr_queued--;
		pthread_cond_signal(&not_full);
	}
	pthread_mutex_unlock(&lock);
	return batch;
}

static void produce(int index)
{
	uint64_t seed = thread_seed(index);

	for (unsigned long i = 0; i < nr_batches; i++) {
		struct batch *batch = need(malloc(sizeof(*batch)));

		for (int j = 0; j < NR_BATCH; j++) {
			size_t size = MIN_SIZE +
				      random_below(&seed, MAX_SIZE - MIN_SIZE);

			batch->objects[j] = need(malloc(size));
			memset(batch->objects[j], j, size);
		}
		put_batch(batch);
	}
	pthread_mutex_lock(&lock);
	nr_producing--;
	pthread_cond_broadcast(&not_empty);
	pthread_mutex_unlock(&lock);
}

static void consume(void)
{
	struct batch *batch;
	volatile char sink;

	while ((batch = get_batch()) != NULL) {
		for (int j = 0; j < NR_BATCH; j++) {
			sink = *(char *)batch->objects[j];
			free(batch->objects[j]);
		}
		free(batch);
	}
	(void)sink;
}

static void work(int index)
{
	if (index < nr_pairs)
		produce(index);
	else
		consume();
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_pairs = nr_threads < 2 ? 1 : nr_threads / 2;
	nr_producing = nr_pairs;
	nr_batches = 560 * percent / nr_pairs + 1;
	run_threads(2 * nr_pairs, work);
}
