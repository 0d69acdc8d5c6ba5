// SPDX-License-Identifier: MIT
/*
 * Runs one pattern under callgrind: PATTERN NR SIZE [LIVE]. Only the run
 * itself is instrumented. Two runs of different NR are subtracted by
 * instr.py, so whatever a run costs once cancels. Prints the file that
 * malloc came from, which proves that the preload took effect.
 */
#include "pattern.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

enum { WARM_UP_OPS = 20000 };

static size_t number(const char *text, const char *what)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (end == text || *end != '\0') {
		fprintf(stderr, "%s: \"%s\" is not a decimal number\n", what,
			text);
		exit(2);
	}
	return value;
}

static void print_malloc_origin(void)
{
	Dl_info info;
	void *sym = dlsym(RTLD_DEFAULT, "malloc");

	if (sym == NULL || dladdr(sym, &info) == 0) {
		fprintf(stderr, "malloc is in no loaded file\n");
		exit(2);
	}
	printf("malloc from %s\n", info.dli_fname);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	size_t nr;
	size_t size;
	size_t nr_live;

	if (argc < 3) {
		fprintf(stderr, "usage: %s NR SIZE [LIVE]\n", argv[0]);
		return 2;
	}
	nr = number(argv[1], "NR");
	size = number(argv[2], "SIZE");
	nr_live = argc > 3 ? number(argv[3], "LIVE") : 0;

	print_malloc_origin();
	pattern_setup(size, nr_live);
	pattern_run(size, WARM_UP_OPS);
	CALLGRIND_START_INSTRUMENTATION;
	pattern_run(size, nr);
	CALLGRIND_STOP_INSTRUMENTATION;
	return 0;
}
