// SPDX-License-Identifier: MIT
/*
 * prefault.c - memory backed ahead of demand: none by default; where it is
 * asked for, a growing program gets some of it, zero where calloc wants zero, and
 * purging, limits and forks beside it break nothing.
 *
 * Each case is this program again ("inner NAME") under its own ASHLAR_CONF.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#define MIB (1 << 20)
#define NR_BLOCKS 3000
#define BLOCK 50000
#define MOST_RAMPS 60

static char *blocks[NR_BLOCKS];
static atomic_bool stop;

static int fail(int code, const char *what, long long saw)
{
	fprintf(stderr, "%s (%lld, errno %d)\n", what, saw, errno);
	return code;
}

static void nap(void)
{
	struct timespec pause = {0, 2000000};

	nanosleep(&pause, NULL);
}

/* A heap that grows, not all at once, and goes. */
static int ramp(void)
{
	int i, ret = 0;

	for (i = 0; i < NR_BLOCKS; i++) {
		blocks[i] = i % 3 ? malloc(BLOCK) : calloc(1, BLOCK);
		if (!blocks[i])
			return fail(2, "NULL", i);
		if (i % 3 == 0 && first_nonzero(blocks[i], BLOCK) != BLOCK)
			return fail(3, "calloc not zero", i);
		pattern_fill(blocks[i], BLOCK, (uint64_t)i);
		if (i % 20 == 0)
			nap();
	}
	for (i = 0; i < NR_BLOCKS; i++) {
		if (!pattern_holds(blocks[i], BLOCK, (uint64_t)i))
			ret = fail(4, "overwritten", i);
		free(blocks[i]);
	}
	return ret;
}

static int inner_ahead(void)
{
	int i, ret = 0;

	for (i = 0; i < MOST_RAMPS && !ret; i++) {
		ret = ramp();
		if (ashlar_stat("prefault_hits") > 0)
			break;
		malloc_trim(0);
	}
	if (ret)
		return ret;
	if (ashlar_stat("prefaulted") < ashlar_stat("prefault_hits"))
		return fail(5, "more taken than made", 0);
	if (ashlar_stat("prefault_hits") <= 0)
		return fail(6, "nothing ready", ashlar_stat("prefaulted"));
	return ashlar_stat("prefault_ns") > 0 ? 0 : fail(7, "no time", 0);
}

static int inner_never(void)
{
	int ret = ramp();

	if (ashlar_stat("prefaulted"))
		return fail(5, "prefaulted", ashlar_stat("prefaulted"));
	return ret;
}

static void *trim(void *arg)
{
	while (!stop) {
		malloc_trim(0);
		nap();
	}
	return arg;
}

/* A trimmer beside it, and children, which must not prefault at all. */
static int inner_storm(void)
{
	pthread_t thread;
	int i, status = 0, ret = 0;

	if (pthread_create(&thread, NULL, trim, NULL))
		return fail(2, "pthread_create", 0);
	for (i = 0; i < 4 && !ret && !status; i++) {
		pid_t pid;

		ret = ramp();
		pid = fork();
		if (!pid) {
			long long before = ashlar_stat("prefaulted");

			alarm(60);
			free(malloc(100));
			_exit(ashlar_stat("prefaulted") == before ? 0 : 9);
		}
		waitpid(pid, &status, 0);
	}
	stop = true;
	pthread_join(thread, NULL);
	return status ? fail(8, "child", status) : ret;
}

/* Nothing is made ready that a limit would then refuse the program. */
static int inner_limited(void)
{
	int ret = ramp();
	long long hard = ashlar_stat("hard_limit");

	if (ashlar_stat("held_peak") > hard + MIB)
		return fail(5, "above the limit", ashlar_stat("held_peak"));
	return ret;
}

static const struct inner inners[] = {
	{"ahead", inner_ahead},
	{"never", inner_never},
	{"storm", inner_storm},
	{"limited", inner_limited},
	{},
};

static void expect_inner(const char *name, const char *conf)
{
	struct child child;

	if (!is_ashlar()) {
		ktap_skip("not running under libashlar");
		return;
	}
	inner_exec(&child, name, conf);
	EXPECT(!child_code(&child), "code %d for %s under %s: %s",
	       child_code(&child), name, conf, child.text);
}

static void ahead_of_demand(void)
{
	expect_inner("ahead", "prefault:64M,background_thread:on,"
			      "backend:thp,thp_start:0");
	expect_inner("ahead", "prefault:64M,background_thread:on,"
			      "backend:plain");
}

static void off_by_default(void)
{
	expect_inner("never", "background_thread:on");
	expect_inner("never", "background_thread:on,prefault:64M,"
			      "dirty_decay_ms:-1");
}

static void among_others(void)
{
	expect_inner("storm", "prefault:64M,background_thread:on,thp_start:0");
	expect_inner("limited", "prefault:256M,background_thread:on,"
				"hard_limit:224M,thp_start:0");
}

static const struct ktap_test tests[] = {
	{"ahead_of_demand", ahead_of_demand},
	{"off_by_default", off_by_default},
	{"among_others", among_others},
	{},
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "inner"))
		return inner_run(inners, argv[2]);
	return ktap_main(tests, argc, argv);
}
