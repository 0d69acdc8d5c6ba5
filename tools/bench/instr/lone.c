// SPDX-License-Identifier: MIT
/*
 * One object allocated and freed at once, over and over.
 */
#include "pattern.h"

#include <stdlib.h>

void pattern_setup(size_t size, size_t nr_live)
{
	(void)size;
	(void)nr_live;
}

void pattern_run(size_t size, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(keep(malloc(size)));
}
