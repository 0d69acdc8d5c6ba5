// SPDX-License-Identifier: MIT
/*
 * realloc() between two sizes of the same class; one call an operation.
 */
#include "pattern.h"

#include <stdlib.h>

static void *object;

void pattern_setup(size_t size, size_t nr_live)
{
	(void)nr_live;
	object = malloc(size);
}

void pattern_run(size_t size, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		object = keep(realloc(object, size - (i & 1)));
}
