// SPDX-License-Identifier: MIT
/*
 * Fill, thin, wait, purge, refill with other sizes, empty, wait:
 *
 *	phases MIX THIN MIB
 *
 * MIX is small (16-480 B), small16 (the same, in multiples of 16 only, so that
 * rounding is left out) or database (keys, values, and a tail up to 64 KiB).
 * THIN is random or age and frees nine bytes in ten, at random or the oldest.
 * Live bytes reach MIB MiB at fill and again at refill.
 */
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct object {
	char *data;
	uint32_t size;
};

/* A mix: how the next object's size is drawn, first fill and refill. */
struct mix {
	const char *name;
	size_t (*fill_size)(uint64_t *seed);
	size_t (*refill_size)(uint64_t *seed);
	size_t least_mean;
};

static struct object *objects;
static size_t nr_objects;
static size_t max_objects;
static size_t live;
static uint64_t seed = 88172645463325252ull;

static size_t small_size(uint64_t *state)
{
	return 16 + random_below(state, 465);
}

static size_t small_other_size(uint64_t *state)
{
	return 300 + random_below(state, 900);
}

static size_t small16_size(uint64_t *state)
{
	return 16 + 16 * random_below(state, 30);
}

static size_t small16_other_size(uint64_t *state)
{
	return 304 + 16 * random_below(state, 56);
}

static size_t database_size(uint64_t *state)
{
	size_t what = random_below(state, 100);

	if (what < 45)
		return 16 + random_below(state, 48);
	if (what < 80)
		return 64 + random_below(state, 448);
	if (what < 96)
		return 512 + random_below(state, 3584);
	if (what < 99)
		return 4096 + random_below(state, 12288);
	return 16384 + random_below(state, 49152);
}

static size_t database_other_size(uint64_t *state)
{
	return database_size(state) * 3 / 2 + 40;
}

static const struct mix mixes[] = {
	{"small", small_size, small_other_size, 200},
	{"small16", small16_size, small16_other_size, 200},
	{"database", database_size, database_other_size, 400},
};

static void fill(size_t goal, size_t (*size_of)(uint64_t *))
{
	while (live < goal && nr_objects < max_objects) {
		struct object *object = &objects[nr_objects++];

		object->size = size_of(&seed);
		object->data = mem_need(malloc(object->size));
		memset(object->data, 1, object->size);
		live += object->size;
	}
}

static void drop(struct object *object)
{
	free(object->data);
	object->data = NULL;
	live -= object->size;
}

/* Close the gaps, order kept: the table stays in order of age. */
static void compact(void)
{
	size_t nr = 0;

	for (size_t i = 0; i < nr_objects; i++)
		if (objects[i].data != NULL)
			objects[nr++] = objects[i];
	nr_objects = nr;
}

static void thin_random(void)
{
	for (size_t i = 0; i < nr_objects; i++)
		if (random_below(&seed, 10) != 0)
			drop(&objects[i]);
}

static void thin_by_age(void)
{
	for (size_t i = 0; i < nr_objects / 10 * 9; i++)
		drop(&objects[i]);
}

static void report_while_waiting(const char *after)
{
	static const int moments[] = {1, 6, 15};
	char step[32];

	for (int i = 0; i < 3; i++) {
		mem_wait(moments[i]);
		snprintf(step, sizeof(step), "%s+%ds", after, moments[i]);
		mem_report(step, live);
	}
	mem_purge();
	snprintf(step, sizeof(step), "%s+purge", after);
	mem_report(step, live);
}

static const struct mix *find_mix(const char *name)
{
	for (size_t i = 0; i < sizeof(mixes) / sizeof(mixes[0]); i++)
		if (strcmp(mixes[i].name, name) == 0)
			return &mixes[i];
	fprintf(stderr, "MIX \"%s\": expected small, small16 or database\n",
		name);
	exit(2);
}

static void run(const struct mix *mix, void (*thin)(void), size_t goal)
{
	mem_mark();
	fill(goal, mix->fill_size);
	mem_report("fill", live);

	mem_mark();
	thin();
	compact();
	mem_report("thin", live);
	mem_mark();
	report_while_waiting("thin");

	mem_mark();
	fill(goal, mix->refill_size);
	mem_report("refill", live);

	mem_mark();
	for (size_t i = 0; i < nr_objects; i++)
		drop(&objects[i]);
	mem_report("empty", live);
	mem_mark();
	report_while_waiting("empty");
}

int main(int argc, char **argv)
{
	const struct mix *mix;
	size_t goal;
	int is_random;

	if (argc != 4) {
		fprintf(stderr,
			"usage: %s small|small16|database random|age MIB\n",
			argv[0]);
		return 2;
	}
	mix = find_mix(argv[1]);
	is_random = strcmp(argv[2], "random") == 0;
	if (!is_random && strcmp(argv[2], "age") != 0) {
		fprintf(stderr, "THIN \"%s\": expected random or age\n",
			argv[2]);
		return 2;
	}
	goal = mem_number(argv[3], "MIB") << 20;
	max_objects = goal / mix->least_mean + 1024;
	objects = mem_table(max_objects * sizeof(*objects));
	mem_baseline();
	run(mix, is_random ? thin_random : thin_by_age, goal);
	return 0;
}
