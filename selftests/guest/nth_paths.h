/* SPDX-License-Identifier: MIT */
/* The paths on which a call can fail, for whatever makes it fail. */
#ifndef SELFTESTS_GUEST_NTH_PATHS_H
#define SELFTESTS_GUEST_NTH_PATHS_H

#include <stdbool.h>

/* Hunks of the region that a path works on. */
#define NTH_NR 3

/**
 * struct nth_path - one of them
 * @name: of the test
 * @step: walks it on a region of NTH_NR hunks; any call in it may fail
 * @is_filled: each hunk holds data before, which must still be there after
 * @fail: fail points of the module that fail always (parameter "fail")
 * @has: NULL, or whether this kernel has the path at all
 */
struct nth_path {
	const char *name;
	void (*step)(char *mem);
	bool is_filled;
	long fail;
	bool (*has)(void);
};

extern const struct nth_path nth_paths[];

void nth_fill(char *mem);
bool nth_is_intact(const char *mem);

/* The path that the running test is named for. */
const struct nth_path *nth_path_find(const char *name);

/* A table for ktap_main(): @run for each path, then @more. */
struct ktap_test;
const struct ktap_test *nth_tests(void (*run)(void),
				  const struct ktap_test *more);

#endif
