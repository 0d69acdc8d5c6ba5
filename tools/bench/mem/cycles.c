// SPDX-License-Identifier: MIT
/*
 * Grow and shrink a thousand times: cycles MIB. What is resident with
 * nothing live must not creep: it is caches and the allocator's own
 * metadata.
 */
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { NR_CYCLES = 1000 };

int main(int argc, char **argv)
{
	uint64_t seed = 88172645463325252ull;
	char step[32];
	char **objects;
	size_t goal;
	size_t max;

	if (argc != 2) {
		fprintf(stderr, "usage: %s MIB\n", argv[0]);
		return 2;
	}
	goal = mem_number(argv[1], "MIB") << 20;
	max = goal / 400;
	objects = mem_table(max * sizeof(*objects));
	mem_baseline();
	mem_mark();
	for (int cycle = 1; cycle <= NR_CYCLES; cycle++) {
		size_t base = 64 + random_below(&seed, 4000);
		size_t live = 0;
		size_t nr = 0;

		while (live < goal && nr < max) {
			size_t size = base + random_below(&seed, base);

			objects[nr] = mem_need(malloc(size));
			objects[nr++][0] = 1;
			live += size;
		}
		while (nr > 0)
			free(objects[--nr]);
		if (cycle == 10 || cycle % 250 == 0) {
			mem_purge();
			snprintf(step, sizeof(step), "cycle%d", cycle);
			mem_report(step, 0);
		}
	}
	return 0;
}
