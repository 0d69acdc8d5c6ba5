// SPDX-License-Identifier: MIT
/*
 * Objects allocated by one thread and freed by another, handed over in
 * batches under semaphores so that nobody spins: an operation is one object
 * passed on.
 */
#include "pattern.h"

#include <stdlib.h>
#include <pthread.h>
#include <semaphore.h>

enum { NR_BATCH = 256 };

static void *batch[2][NR_BATCH];
static sem_t filled;
static sem_t emptied;

static void *consume(void *arg)
{
	for (unsigned int turn = 0;; turn ^= 1) {
		sem_wait(&filled);
		for (int i = 0; i < NR_BATCH; i++)
			free(batch[turn][i]);
		sem_post(&emptied);
	}
	return arg;
}

void pattern_setup(size_t size, size_t nr_live)
{
	pthread_t thread;

	(void)size;
	(void)nr_live;
	sem_init(&filled, 0, 0);
	sem_init(&emptied, 0, 0);
	if (pthread_create(&thread, NULL, consume, NULL) != 0)
		abort();
	pthread_detach(thread);
}

void pattern_run(size_t size, size_t nr)
{
	static unsigned int turn;

	for (size_t done = 0; done < nr; done += NR_BATCH) {
		for (int i = 0; i < NR_BATCH; i++)
			batch[turn][i] = malloc(size);
		sem_post(&filled);
		sem_wait(&emptied);
		turn ^= 1;
	}
}
