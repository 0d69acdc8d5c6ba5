// SPDX-License-Identifier: MIT
/*
 * atfork_early.c - a library with handlers of fork that allocate, registered by
 * a constructor that runs before those of the program (atfork.c).
 */
#include <pthread.h>
#include <stdlib.h>

enum { NR = 2000 };

int atfork_early_runs(void);

static void *blocks[NR];
static int nr_runs;

static void allocate(void)
{
	int i;

	for (i = 0; i < NR; i++)
		blocks[i] = malloc(1 + (size_t)i * 50);
	for (i = 0; i < NR; i++)
		free(blocks[i]);
	nr_runs++;
}

static __attribute__((constructor)) void start(void)
{
	pthread_atfork(allocate, allocate, allocate);
}

int atfork_early_runs(void)
{
	return nr_runs;
}
