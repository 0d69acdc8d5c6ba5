// SPDX-License-Identifier: MIT
/*
 * C++ operator new and sized operator delete, one object at a time.
 */
#include "operators.h"
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
		op_delete_sized(keep(op_new(size)), size);
}
