// SPDX-License-Identifier: MIT
/*
 * truth.c - what the statistics call huge is what the kernel mapped huge: as
 * this program reads it from smaps itself, with huge pages whole, broken, and
 * forbidden to the process; what forbids them is said.
 *
 * Each case is this program again ("inner NAME") under its own ASHLAR_CONF.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <time.h>

#define MIB ((long long)1 << 20)
#define NR_BLOCKS 4000
#define BLOCK 16000

static char *blocks[NR_BLOCKS];

static int fail(int code, const char *what, long long saw)
{
	fprintf(stderr, "%s (%lld, errno %d)\n", what, saw, errno);
	return code;
}

/* Huge bytes of this process, all mappings. */
static long long smaps_huge(void)
{
	long long sum = 0, kib;
	char line[512];
	FILE *f = fopen("/proc/self/smaps", "r");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "AnonHugePages: %lld", &kib) == 1 ||
		    sscanf(line, "FilePmdMapped: %lld", &kib) == 1)
			sum += kib << 10;
	fclose(f);
	return sum;
}

static void fill(int first, int step)
{
	int i;

	for (i = first; i < NR_BLOCKS; i += step) {
		blocks[i] = malloc(BLOCK);
		memset(blocks[i], 1, BLOCK);
	}
}

static void drop(int first, int step)
{
	int i;

	for (i = first; i < NR_BLOCKS; i += step) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
}

/* The heap's is all of it but what other mappings may have been given. */
static int expect_agreement(void)
{
	long long saw, said;
	int tries = 100;

	/* The background thread may make pages huge between two looks. */
	do {
		saw = smaps_huge();
		said = ashlar_stat("huge");
	} while (saw != smaps_huge() && --tries);
	if (saw < 0 || said < 0)
		return fail(2, "no figure", said);
	if (said > saw)
		return fail(3, "more said than there is", said - saw);
	if (saw - said > 4 * MIB)
		return fail(4, "less said than there is", saw - said);
	return 0;
}

static int inner_agrees(void)
{
	int ret;

	fill(0, 1);
	ret = expect_agreement();
	drop(0, 2);
	malloc_trim(0);
	ret = ret ? ret : expect_agreement();
	fill(0, 2);
	ret = ret ? ret : expect_agreement();
	drop(0, 1);
	malloc_trim(0);
	return ret ? ret : expect_agreement();
}

/* Nothing huge, and not counted as if it were. */
static int inner_none(void)
{
	long long held = ashlar_stat("held"), metadata;

	free(malloc(100));
	held = ashlar_stat("held");
	metadata = ashlar_stat("metadata");
	if (held - metadata > MIB)
		return fail(5, "held as if huge", held);
	fill(0, 1);
	if (ashlar_stat("huge"))
		return fail(6, "huge", ashlar_stat("huge"));
	return expect_agreement();
}

/* Until a figure is no longer 0, for a minute; some work meanwhile. */
static bool wait_for_some(const char *stat)
{
	struct timespec pause = {0, 20000000};

	for (int i = 0; i < 3000; i++) {
		if (ashlar_stat(stat) > 0)
			return true;
		free(malloc(100000));
		nanosleep(&pause, NULL);
	}
	return false;
}

/* Dense again after it was broken, but no longer allowed to be huge. */
static int inner_refused(void)
{
	fill(0, 1);
	drop(0, 3);
	malloc_trim(0);
	if (!ashlar_stat("hpages_broken"))
		return 77;
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		return fail(7, "prctl", 0);
	fill(0, 3);
	if (wait_for_some("collapse_refused"))
		return 0;
	return fail(8, "no collapse refused", ashlar_stat("hpages_broken"));
}

/* 64 MiB in use: are the first pages huge in the end?  77: none is to be had. */
static int inner_start(void)
{
	fill(0, 1);
	if (smaps_huge() < 8 * MIB)
		return 77;
	if (!wait_for_some("collapsed"))
		return fail(9, "none made huge",
			    ashlar_stat("collapse_refused"));
	return expect_agreement();
}

/* A heap of 72 MiB is small beside a thp_start of 32. */
static int inner_stays(void)
{
	fill(0, 1);
	sleep(2);
	if (ashlar_stat("collapsed"))
		return fail(10, "made huge", ashlar_stat("collapsed"));
	return 0;
}

static const struct inner inners[] = {
	{"agrees", inner_agrees},
	{"none", inner_none},
	{"refused", inner_refused},
	{"start", inner_start},
	{"stays", inner_stays},
	{},
};

static void expect_inner(const char *name, const char *conf, const char *says)
{
	struct child child;

	inner_exec(&child, name, conf);
	EXPECT(!child_code(&child), "code %d for %s under %s: %.200s",
	       child_code(&child), name, conf, child.text);
	EXPECT(!says || strstr(child.text, says), "no '%s' in %.300s", says,
	       child.text);
}

static bool skipped(void)
{
	if (!is_ashlar())
		ktap_skip("not running under libashlar");
	return !is_ashlar();
}

static void huge_is_huge(void)
{
	if (skipped())
		return;
	expect_inner("agrees", "backend:thp,thp_start:0", NULL);
	expect_inner("agrees", "backend:plain", NULL);
	expect_inner("agrees", "", NULL);
}

static void disabled_is_said(void)
{
	if (skipped())
		return;
	/* Children and what they exec inherit it. */
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)) {
		ktap_skip("prctl(PR_SET_THP_DISABLE) is refused");
		return;
	}
	expect_inner("none", "thp_start:0,stats_print:1,backend:auto",
		     "thp_state: disabled for this process: prctl");
	expect_inner("none", "thp_start:0,backend:thp",
		     "ashlar: backend thp (disabled for this process");
	EXPECT_EQ(0, prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
}

/* False: skipped, since there are no huge pages to try it with. */
static bool exec_or_skip(struct child *child, const char *name, const char *conf)
{
	inner_exec(child, name, conf);
	if (child_code(child) == 77) {
		ktap_skip("no huge pages here");
		return false;
	}
	EXPECT(!child_code(child), "code %d: %.200s", child_code(child),
	       child->text);
	return true;
}

static void refusal_is_said(void)
{
	struct child child;

	if (skipped() ||
	    !exec_or_skip(&child, "refused",
			  "backend:thp,thp_start:0,background_thread:on,"
			  "stats_print:1"))
		return;
	EXPECT(strstr(child.text, "collapse_error: E"), "%s", child.text);
}

static void start_grows_up(void)
{
	struct child child;

	if (skipped())
		return;
	expect_inner("stays", "backend:thp,background_thread:on", NULL);
	exec_or_skip(&child, "start",
		     "backend:thp,thp_start:4M,background_thread:on");
}

static const struct ktap_test tests[] = {
	{"huge_is_huge", huge_is_huge},
	{"disabled_is_said", disabled_is_said},
	{"refusal_is_said", refusal_is_said},
	{"start_grows_up", start_grows_up},
	{},
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "inner"))
		return inner_run(inners, argv[2]);
	return ktap_main(tests, argc, argv);
}
