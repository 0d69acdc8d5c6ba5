// SPDX-License-Identifier: MIT
/*
 * press.c - the library's own limits, soft_limit and hard_limit: refusals with
 * ENOMEM that leave old blocks alone and never pass the limit, from one thread
 * and from many; service after frees, of other sizes too; everything free
 * handed back above the soft limit, whatever the decay time.
 *
 * Each case is this program again ("inner NAME") under its own ASHLAR_CONF.
 * Only Ashlar knows the options: under any other malloc all is skipped.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#define MIB ((size_t)1 << 20)
#define NR_KEPT 600000
#define NR_THREADS 4
#define META_SLACK (256 << 10)

static void *kept[NR_KEPT];

static int fail(int code, const char *what, long long saw)
{
	fprintf(stderr, "%s (%lld, errno %d)\n", what, saw, errno);
	return code;
}

/* Blocks until malloc refuses; how many. */
static size_t take_all(size_t len)
{
	size_t nr = 0;

	while (nr < NR_KEPT && (kept[nr] = malloc(len))) {
		pattern_fill(kept[nr], len, nr);
		nr++;
	}
	return nr;
}

static int drop_all(size_t nr, size_t len)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (!pattern_holds(kept[i], len, i))
			return fail(6, "block overwritten", (long long)i);
		free(kept[i]);
	}
	return 0;
}

/* Nothing may have passed the limit, at any time, but for metadata, which is
 * counted and never refused.
 */
static int check_peak(void)
{
	long long peak = ashlar_stat("held_peak");
	long long hard = ashlar_stat("hard_limit");

	if (hard <= 0)
		return fail(20, "no hard_limit", hard);
	if (peak > hard + META_SLACK)
		return fail(21, "held above the limit", peak - hard);
	if (ashlar_stat("hard_refused") < 1)
		return fail(22, "refusals not counted", 0);
	return 0;
}

/* Blocks of one size, then as much of another, and the first again. */
static int hard(size_t len, size_t other)
{
	size_t limit = (size_t)ashlar_stat("hard_limit");
	size_t nr, again;
	int ret;

	errno = 0;
	nr = take_all(len);
	if (nr == NR_KEPT)
		return fail(2, "never refused", (long long)nr);
	if (errno != ENOMEM)
		return fail(3, "another errno", (long long)nr);
	if (nr * len < limit / 2)
		return fail(4, "refused too early", (long long)nr);
	if (calloc(1, limit) || errno != ENOMEM)
		return fail(5, "calloc of all not refused", (long long)nr);
	ret = drop_all(nr, len);
	if (ret)
		return ret;
	again = take_all(other);
	if (again * other < limit / 2)
		return fail(7, "freed memory not served", (long long)again);
	ret = drop_all(again, other);
	if (ret)
		return ret;
	again = take_all(len);
	if (again < nr / 10 * 9)
		return fail(8, "not served as much again", (long long)again);
	ret = drop_all(again, len);
	return ret ? ret : check_peak();
}

static int inner_small(void)
{
	return hard(100, 1500);
}

static int inner_middle(void)
{
	return hard(3000, 60000);
}

static int inner_large(void)
{
	return hard(2 * MIB, 700);
}

/* realloc that is refused leaves the block as it was. */
static int inner_realloc(void)
{
	size_t len = MIB;
	char *p = malloc(len), *q;

	if (!p)
		return fail(2, "refused at once", 0);
	pattern_fill(p, len, 1);
	while ((q = realloc(p, len + MIB))) {
		p = q;
		len += MIB;
		pattern_fill(p, len, 1);
		if (len > 256 * MIB)
			return fail(3, "never refused", (long long)len);
	}
	if (errno != ENOMEM)
		return fail(4, "another errno", (long long)len);
	if (!pattern_holds(p, len, 1))
		return fail(5, "block changed", (long long)len);
	free(p);
	return check_peak();
}

/* Pages given back inside slabs count when they are used again. */
static int inner_hollow(void)
{
	size_t nr = take_all(256), i, more;

	for (i = 0; i < nr; i++)
		if (i / 64 % 8)
			free(kept[i]);
	for (i = 0, more = 0; i < nr; i++)
		if (i / 64 % 8 == 0)
			kept[more++] = kept[i];
	nr = more;
	while (nr < NR_KEPT && (kept[nr] = malloc(60000)))
		nr++;
	for (i = more; i < nr; i++)
		free(kept[i]);
	nr = more;
	while (nr < NR_KEPT && (kept[nr] = malloc(256)))
		nr++;
	for (i = 0; i < nr; i++)
		free(kept[i]);
	return check_peak();
}

/* An alignment that would take tables beyond the limit is refused, no more. */
static int inner_aligned(void)
{
	void *p;
	int shift;

	for (shift = 34; shift < 43; shift++)
		if (!posix_memalign(&p, (size_t)1 << shift, 100))
			free(p);
	p = malloc(10 << 20);
	return p ? 0 : fail(1, "refused ever after", ashlar_stat("held"));
}

/* A block that shrinks needs no memory. */
static int inner_shrink(void)
{
	size_t nr = 0, len = 100;
	void *p;

	while (nr < NR_KEPT && (kept[nr] = malloc(40000)))
		nr++;
	for (; len < 30000; len *= 3) {
		while (malloc(len))
			;
		p = realloc(kept[--nr], len);
		if (!p)
			return fail(1, "refused to shrink", (long long)len);
		kept[nr] = p;
	}
	return 0;
}

static void *thread_takes(void *arg)
{
	struct rng rng = {(uintptr_t)arg};
	int round;

	for (round = 0; round < 6; round++) {
		size_t len = 64 + rng_size(&rng, 50000);
		void *last = NULL, *p;

		while ((p = malloc(len))) {
			pattern_fill((char *)p + 16, len - 16, len);
			*(void **)p = last;
			last = p;
		}
		for (; last; last = p) {
			p = *(void **)last;
			if (!pattern_holds((char *)last + 16, len - 16, len))
				return (void *)1;
			free(last);
		}
	}
	return NULL;
}

static int inner_threads(void)
{
	pthread_t threads[NR_THREADS];
	uintptr_t i;
	void *ret;
	int code = 0;

	for (i = 0; i < NR_THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_takes,
				   (void *)(i + 1)))
			return fail(2, "pthread_create", (long long)i);
	for (i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i], &ret);
		code = ret ? fail(3, "block overwritten", 0) : code;
	}
	return code ? code : check_peak();
}

/* Wait, for a minute at most, until no more than @most is held. */
static int wait_held(long long most)
{
	struct timespec pause = {0, 20000000};
	int i;

	for (i = 0; i < 3000; i++) {
		/* The library looks at what is due on slow paths only. */
		free(malloc(100000));
		if (ashlar_stat("held") <= most)
			return 0;
		nanosleep(&pause, NULL);
	}
	return fail(9, "still held", ashlar_stat("held"));
}

/* Above the soft limit all that is free goes back; below it nothing does, for
 * the decay time of these runs is "never".
 */
static int inner_soft(void)
{
	long long soft = ashlar_stat("soft_limit");
	size_t nr, i;

	for (nr = 0; nr < 5000; nr++)
		pattern_fill(kept[nr] = malloc(20000), 20000, nr);
	if (ashlar_stat("held") < 5000 * 20000)
		return fail(2, "held too little", ashlar_stat("held"));
	if (ashlar_stat("soft_passed") < 1)
		return fail(3, "not counted", ashlar_stat("soft_passed"));
	for (i = 0; i < nr; i++)
		free(kept[i]);
	if (wait_held(soft))
		return 9;
	if (ashlar_stat("purged") < (5000 * 20000 - soft) * 3 / 4)
		return fail(4, "purged too little", ashlar_stat("purged"));
	return 0;
}

static int inner_below_soft(void)
{
	size_t nr, i;

	for (nr = 0; nr < 500; nr++)
		kept[nr] = malloc(20000);
	for (i = 0; i < nr; i++)
		free(kept[i]);
	for (i = 0; i < 2000; i++)
		free(malloc(100000));
	if (ashlar_stat("purged") || ashlar_stat("soft_passed"))
		return fail(2, "purged below the limit",
			    ashlar_stat("purged"));
	return 0;
}

static const struct inner inners[] = {
	{"small", inner_small},
	{"middle", inner_middle},
	{"large", inner_large},
	{"realloc", inner_realloc},
	{"hollow", inner_hollow},
	{"aligned", inner_aligned},
	{"shrink", inner_shrink},
	{"threads", inner_threads},
	{"soft", inner_soft},
	{"below_soft", inner_below_soft},
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

static void hard_limit(void)
{
	static const char *const confs[] = {
		"hard_limit:48M,backend:thp,thp_start:0",
		"hard_limit:48M,backend:plain",
		"hard_limit:40M,background_thread:on,dirty_decay_ms:-1"};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		expect_inner("small", confs[i]);
		expect_inner("middle", confs[i]);
		expect_inner("large", confs[i]);
		expect_inner("realloc", confs[i]);
	}
}

static void hard_limit_and_hollow_slabs(void)
{
	expect_inner("hollow", "hard_limit:32M,backend:plain");
	expect_inner("hollow", "hard_limit:32M,thp_start:0");
}

static void hard_limit_and_alignment(void)
{
	expect_inner("aligned", "hard_limit:32M");
}

static void hard_limit_and_shrinking(void)
{
	expect_inner("shrink", "hard_limit:32M");
}

static void hard_limit_among_threads(void)
{
	expect_inner("threads", "hard_limit:32M,backend:plain");
	expect_inner("threads", "hard_limit:32M,backend:thp,thp_start:0");
	expect_inner("threads",
		     "hard_limit:32M,soft_limit:16M,background_thread:on");
}

static void soft_limit(void)
{
	expect_inner("soft", "soft_limit:32M,dirty_decay_ms:-1");
	expect_inner("soft", "soft_limit:32M,dirty_decay_ms:-1,backend:plain");
	expect_inner("soft", "soft_limit:32M,dirty_decay_ms:-1,"
			     "background_thread:off");
	expect_inner("below_soft", "soft_limit:64M,dirty_decay_ms:-1");
}

/* Without a cgroup's limit it is of the machine's memory: never refused here,
 * but a limit.
 */
static void percent(void)
{
	expect_inner("below_soft", "soft_limit:90%,hard_limit:95%,"
				   "dirty_decay_ms:-1");
}

static const struct ktap_test tests[] = {
	{"hard_limit", hard_limit},
	{"hard_limit_and_hollow_slabs", hard_limit_and_hollow_slabs},
	{"hard_limit_and_alignment", hard_limit_and_alignment},
	{"hard_limit_and_shrinking", hard_limit_and_shrinking},
	{"hard_limit_among_threads", hard_limit_among_threads},
	{"soft_limit", soft_limit},
	{"percent", percent},
	{},
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "inner"))
		return inner_run(inners, argv[2]);
	return ktap_main(tests, argc, argv);
}
