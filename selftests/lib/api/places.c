// SPDX-License-Identifier: MIT
/*
 * places.c - where blocks come to lie: in a hardened process nobody can foresee
 * it, nor from what a parent knows in its child; in others the heap is filled
 * in order, which keeps it dense. Cases run as "inner NAME".
 */
#include "ktap.h"
#include "testlib.h"

#include <stdlib.h>

enum { NR_STEPS = 1000, NR_BOTH = 40 };

static void *volatile hidden;

/* 3: many blocks come right behind the one before. */
static int in_order(void)
{
	char *last = malloc(80), *p;
	int i, nr = 0;

	for (i = 0; i < NR_STEPS; i++, last = p) {
		p = malloc(80);
		nr += p - last > 0 && p - last <= 96;
	}
	return nr > NR_STEPS / 5 ? 3 : 0;
}

/* 3: parent and child, who go on from the same heap, go to the same places. */
static int same_after_fork(void)
{
	void *mine[NR_BOTH], *other[NR_BOTH] = {};
	int fds[2], i, nr_same = 0;

	hidden = malloc(80);
	if (pipe(fds))
		return 4;
	if (!fork()) {
		for (i = 0; i < NR_BOTH; i++)
			mine[i] = malloc(80);
		_exit(write(fds[1], mine, sizeof(mine)) != sizeof(mine));
	}
	for (i = 0; i < NR_BOTH; i++)
		mine[i] = malloc(80);
	if (read(fds[0], other, sizeof(other)) != sizeof(other))
		return 5;
	for (i = 0; i < NR_BOTH; i++)
		nr_same += mine[i] == other[i];
	return nr_same > NR_BOTH / 2 ? 3 : 0;
}

static const struct inner inners[] = {
	{"in_order", in_order},
	{"same_after_fork", same_after_fork},
	{},
};

static void expect_codes(const char *name)
{
	struct child child;

	if (!is_ashlar()) {
		ktap_skip("only Ashlar has harden:1");
		return;
	}
	inner_exec(&child, name, "harden:1");
	EXPECT(!child_code(&child), "hardened: code %d, '%s'",
	       child_code(&child), child.text);
	inner_exec(&child, name, "harden:0");
	EXPECT(child_code(&child) == 3, "not hardened: code %d, '%s'",
	       child_code(&child), child.text);
}

static void within_a_process(void)
{
	expect_codes("in_order");
}

static void after_a_fork(void)
{
	expect_codes("same_after_fork");
}

static const struct ktap_test tests[] = {
	{"within_a_process", within_a_process},
	{"after_a_fork", after_a_fork},
	{},
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "inner"))
		return inner_run(inners, argv[2]);
	return ktap_main(tests, argc, argv);
}
