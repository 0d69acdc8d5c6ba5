// SPDX-License-Identifier: MIT
/*
 * driver.c - random inputs for a fuzz target, for a given time, where no
 * libFuzzer is wanted. Reports in KTAP; each input has a seed of its own, which
 * a crash leaves printed, and `TARGET seed` repeats.
 *
 * Time is FUZZ_SECONDS of the environment, 10 if there is none.
 */
#include "fuzz.h"
#include "testlib.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_INPUT = 1 << 13 };

static volatile uint64_t seed;

static void crashed(int sig)
{
	char text[128];
	int len = snprintf(text, sizeof(text),
			   "not ok 1 inputs # signal %d; repeat by seed %llu\n",
			   sig, (unsigned long long)seed);

	if (write(STDOUT_FILENO, text, (size_t)len) == len)
		signal(sig, SIG_DFL);
	raise(sig);
}

static void one_input(void)
{
	static uint8_t input[MAX_INPUT];
	struct rng rng = {seed};
	size_t len = rng_size(&rng, MAX_INPUT), i;
	/* Some inputs use few values, so that the same things meet more. */
	uint64_t span = rng_below(&rng, 2) ? 256 : 1 + rng_below(&rng, 64);

	for (i = 0; i < len; i++)
		input[i] = (uint8_t)rng_below(&rng, i % 4 ? 256 : span);
	LLVMFuzzerTestOneInput(input, len);
}

int main(int argc, char **argv)
{
	const char *seconds = getenv("FUZZ_SECONDS");
	time_t end = time(NULL) + (seconds ? atoi(seconds) : 10);
	unsigned long nr = 0;
	struct rng rng;

	signal(SIGABRT, crashed);
	signal(SIGSEGV, crashed);
	signal(SIGBUS, crashed);
	signal(SIGILL, crashed);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("KTAP version 1\n1..1");
	rng_start(&rng);
	if (argc > 1) {
		seed = strtoull(argv[1], NULL, 0);
		one_input();
		end = 0;
	}
	for (; time(NULL) < end; nr++) {
		seed = rng_next(&rng);
		one_input();
	}
	printf("# %lu inputs\nok 1 inputs\n", nr);
	return 0;
}
