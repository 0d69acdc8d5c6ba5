// SPDX-License-Identifier: MIT
/*
 * Days of load in seconds: day MIB. Live bytes follow a curve between a
 * tenth of MIB MiB at night and all of it at noon, for several days, a part
 * of the objects long-lived. A heap that ages shows a rising night.
 */
#include "mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NR_DAYS = 4, NR_HOURS = 24, HOUR_TURNOVER_PERCENT = 40 };

struct object {
	char *data;
	uint32_t size;
};

static struct object *objects;
static size_t nr_objects;
static size_t max_objects;
static size_t live;
static uint64_t seed = 88172645463325252ull;

static size_t next_size(int day)
{
	size_t what = random_below(&seed, 100);

	if (what < 70)
		return 16 + random_below(&seed, 200 + 60 * day);
	if (what < 97)
		return 200 + random_below(&seed, 2000);
	return 2000 + random_below(&seed, 30000);
}

static void grow_to(size_t goal, int day)
{
	while (live < goal && nr_objects < max_objects) {
		struct object *object = &objects[nr_objects++];

		object->size = next_size(day);
		object->data = mem_need(malloc(object->size));
		memset(object->data, 1, object->size);
		live += object->size;
	}
}

static void shrink_to(size_t goal)
{
	while (live > goal && nr_objects > 0) {
		size_t at = random_below(&seed, nr_objects);

		free(objects[at].data);
		live -= objects[at].size;
		objects[at] = objects[--nr_objects];
	}
}

static size_t load_at(size_t peak, int hour)
{
	double sun = 0.5 - 0.5 * cos(2 * M_PI * hour / NR_HOURS);

	return peak / 10 + (size_t)(0.9 * peak * sun);
}

int main(int argc, char **argv)
{
	char step[32];
	size_t peak;

	if (argc != 2) {
		fprintf(stderr, "usage: %s MIB\n", argv[0]);
		return 2;
	}
	peak = mem_number(argv[1], "MIB") << 20;
	max_objects = peak / 100;
	objects = mem_table(max_objects * sizeof(*objects));
	mem_baseline();
	mem_mark();
	for (int hour = 0; hour <= NR_DAYS * NR_HOURS; hour++) {
		size_t goal = load_at(peak, hour % NR_HOURS);

		shrink_to(live * (100 - HOUR_TURNOVER_PERCENT) / 100);
		shrink_to(goal);
		grow_to(goal, hour / NR_HOURS);
		mem_wait(mem_elapsed() + 0.4);
		if (hour % 12 == 0) {
			snprintf(step, sizeof(step), "day%d%s", hour / NR_HOURS,
				 hour % NR_HOURS ? "noon" : "night");
			mem_report(step, live);
		}
	}
	return 0;
}
