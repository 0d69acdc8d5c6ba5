// SPDX-License-Identifier: MIT
/*
 * Bursts larger than any thread cache: LIVE objects allocated in a row, then
 * freed in the order they came. What refilling and emptying a cache costs
 * an object, which the lone pair never shows.
 */
#include "pattern.h"

#include <stdlib.h>

enum { MAX_OBJECTS = 20480 };

static void *objects[MAX_OBJECTS];
static size_t nr_objects;

void pattern_setup(size_t size, size_t nr_live)
{
	(void)size;
	nr_objects = nr_live < MAX_OBJECTS ? nr_live : MAX_OBJECTS;
}

void pattern_run(size_t size, size_t nr)
{
	for (size_t done = 0; done < nr; done += nr_objects) {
		for (size_t i = 0; i < nr_objects; i++)
			objects[i] = malloc(size);
		for (size_t i = 0; i < nr_objects; i++)
			free(objects[i]);
	}
}
