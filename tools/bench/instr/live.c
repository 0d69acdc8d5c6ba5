// SPDX-License-Identifier: MIT
/*
 * A heap of many live objects, one replaced at random per operation. The
 * table of objects is mapped, not allocated: only objects are on the heap.
 */
#include "pattern.h"

#include <stdlib.h>
#include <stdio.h>
#include <sys/mman.h>

static void **objects;
static size_t nr_objects;
static unsigned int seed = 2463534242u;

void pattern_setup(size_t size, size_t nr_live)
{
	nr_objects = nr_live;
	objects = mmap(NULL, nr_live * sizeof(*objects), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (nr_live == 0 || objects == MAP_FAILED) {
		fprintf(stderr, "LIVE %zu: cannot map the table\n", nr_live);
		exit(2);
	}
	for (size_t i = 0; i < nr_live; i++)
		objects[i] = malloc(size);
}

void pattern_run(size_t size, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		void **slot = &objects[next_random(&seed) % nr_objects];

		free(*slot);
		*slot = malloc(size);
	}
}
