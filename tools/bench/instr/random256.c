// SPDX-License-Identifier: MIT
/*
 * 256 objects allocated in a row, then freed in a fixed random order.
 */
#include "pattern.h"

#include <stdlib.h>

enum { NR_OBJECTS = 256 };

static void *objects[NR_OBJECTS];
static unsigned char order[NR_OBJECTS];

void pattern_setup(size_t size, size_t nr_live)
{
	unsigned int seed = 2463534242u;

	(void)size;
	(void)nr_live;
	for (int i = 0; i < NR_OBJECTS; i++)
		order[i] = i;
	for (int i = NR_OBJECTS - 1; i > 0; i--) {
		int j = next_random(&seed) % (i + 1);
		unsigned char other = order[j];

		order[j] = order[i];
		order[i] = other;
	}
}

void pattern_run(size_t size, size_t nr)
{
	for (size_t done = 0; done < nr; done += NR_OBJECTS) {
		for (int i = 0; i < NR_OBJECTS; i++)
			objects[i] = malloc(size);
		for (int i = 0; i < NR_OBJECTS; i++)
			free(objects[order[i]]);
	}
}
