// SPDX-License-Identifier: MIT
/*
 * thin.c - what becomes of a heap that is thinned out, by itself: 2 MiB ranges of
 * which less than half is in use give back what is empty in them, those of which
 * at least half is stay huge; and asked for, what is empty goes back everywhere.
 * On memory of the module the pages that are given back are whole huge ones.
 */
#include "ktap.h"
#include "testlib.h"

#include <malloc.h>
#include <time.h>

#define OBJECT 1024
#define FILL (128u << 20)
#define NR_OBJECTS (FILL / OBJECT)
#define RANGE (2ul << 20)
#define PAGE 4096ul
#define NR_RANGES (2 * FILL / RANGE)
#define PATIENCE_S 120 /* 5 to 10 s on an idle machine */
#define SLACK_KIB 4096

static char *objects[NR_OBJECTS];
static uintptr_t heap_lo;

/* What is known of each 2 MiB of the heap. */
static struct {
	unsigned int nr_filled; /* objects ever */
	unsigned int nr_pages;	/* that hold something */
} ranges[NR_RANGES];

static unsigned int range_of(const char *p)
{
	return ((uintptr_t)p - heap_lo) / RANGE;
}

/* Ranges that objects fill: the first and last ones others may share. */
static bool is_full_range(unsigned int r)
{
	return ranges[r].nr_filled >= RANGE / OBJECT * 9 / 10;
}

/* Of twelve base pages of a range, how many stay in use. */
static unsigned int twelfths(unsigned int r)
{
	static const unsigned int of[] = {1, 7, 5, 10};

	return of[r % 4];
}

static bool is_dense_range(unsigned int r)
{
	return twelfths(r) >= 6;
}

/* Return: true if what is filled is huge. */
static bool fill(void)
{
	uintptr_t lo = UINTPTR_MAX;
	unsigned int i;

	for (i = 0; i < NR_OBJECTS; i++) {
		objects[i] = malloc(OBJECT);
		if (!objects[i])
			_exit(2);
		memset(objects[i], 1, OBJECT);
		lo = (uintptr_t)objects[i] < lo ? (uintptr_t)objects[i] : lo;
	}
	heap_lo = lo & ~(RANGE - 1);
	for (i = 0; i < NR_OBJECTS; i++) {
		if (range_of(objects[i]) >= NR_RANGES)
			_exit(4);
		ranges[range_of(objects[i])].nr_filled++;
	}
	return ashlar_stat("huge") > FILL / 10 * 8;
}

/* Of each base page one object stays or none. */
static void thin(struct rng *rng)
{
	uint64_t salt = rng_next(rng);
	unsigned int i;

	for (i = 0; i < NR_OBJECTS; i++) {
		uintptr_t page = (uintptr_t)objects[i] / PAGE;
		unsigned int r = range_of(objects[i]);
		uint64_t dice = (page * 2654435761u ^ salt) >> 7;
		bool is_first = (uintptr_t)objects[i] % PAGE < OBJECT;

		if (is_first && dice % 12 < twelfths(r)) {
			ranges[r].nr_pages++;
			continue;
		}
		free(objects[i]);
		objects[i] = NULL;
	}
}

/* On memory of the module what is not touched is not mapped, and not counted. */
static void touch_all(void)
{
	unsigned int i, nr_lost = 0;

	for (i = 0; i < NR_OBJECTS; i++)
		nr_lost += objects[i] && objects[i][OBJECT - 1] != 1;
	EXPECT(!nr_lost, "%u objects changed", nr_lost);
}

/* Live pages of the ranges, in KiB; dense ones whole if @dense_whole. */
static long live_kib(bool dense_whole)
{
	long kib = 0;
	unsigned int r;

	for (r = 0; r < NR_RANGES; r++)
		if (dense_whole && is_dense_range(r) && ranges[r].nr_filled)
			kib += RANGE >> 10;
		else
			kib += ranges[r].nr_pages * (PAGE >> 10);
	return kib;
}

static long whole_kib(bool dense)
{
	long kib = 0;
	unsigned int r;

	for (r = 0; r < NR_RANGES; r++)
		if (is_dense_range(r) == dense && is_full_range(r))
			kib += RANGE >> 10;
	return kib;
}

#define MODULE_STATS "/sys/class/misc/ashlar/stats/"

/* A figure of the module, 0 without it. */
static long module_stat(const char *name)
{
	char path[80];
	long value = 0;
	FILE *f;

	snprintf(path, sizeof(path), MODULE_STATS "%s", name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%ld", &value) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

/*
 * Free memory of the machine in blocks of 2 MiB, in the module's pools or not.
 * What CPUs keep on lists of their own is not in it: it is said, not tested.
 */
static long free_huge_kib(void)
{
	FILE *f = fopen("/proc/buddyinfo", "r");
	char line[512], *at, *end;
	long kib, nr;
	int order;

	kib = (module_stat("allocated") - module_stat("freed") -
	       module_stat("mapped")) * (long)(RANGE >> 10);
	if (!f)
		return kib;
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, "zone");
		at = at ? strchr(at + 5, ' ') : NULL;
		while (at && *at == ' ')
			at++;
		/* "zone   Normal  1 2 3": past the name. */
		at = at ? strpbrk(at, " ") : NULL;
		for (order = 0; at; order++) {
			nr = strtol(at, &end, 10);
			if (order >= 9)
				kib += nr << (order + 2);
			at = end == at ? NULL : end;
		}
	}
	fclose(f);
	return kib;
}

/*
 * Resident KiB.  Of the module's memory what is not mapped just now counts, too:
 * nobody else uses it here.
 */
static long resident_kib(void)
{
	long huge = module_stat("mapped"), small = module_stat("small");

	if (!huge)
		return proc_status_kib("VmRSS:");
	return proc_status_kib("VmRSS:") - proc_status_kib("RssFile:") +
	       huge * (RANGE >> 10) + small * (PAGE >> 10);
}

/* Return: seconds that it took, or -1. */
static int wait_until_below(long goal_kib)
{
	const struct timespec pause = {0, 200000000};
	time_t start = time(NULL);
	unsigned int i;

	for (i = 0; i < PATIENCE_S * 5; i++) {
		touch_all();
		if (resident_kib() <= goal_kib)
			return time(NULL) - start;
		nanosleep(&pause, NULL);
	}
	return -1;
}

/* KiB that the kernel maps huge. */
static long huge_kib(void)
{
	return ashlar_stat("huge") >> 10;
}

static int thinned(void)
{
	long before = resident_kib(), full, goal, huge, more,
	     broken = module_stat("broken");
	struct rng rng;
	int took;

	rng_start(&rng);
	if (!fill()) {
		dprintf(2, "only %lld of %u bytes are huge\n",
			ashlar_stat("huge"), FILL);
		return 3;
	}
	full = resident_kib();
	thin(&rng);
	more = free_huge_kib();
	goal = before + live_kib(true) + SLACK_KIB;
	dprintf(2, "%ld KiB resident at first, %ld full, goal %ld\n", before,
		full, goal);
	took = wait_until_below(goal);
	if (!EXPECT(took >= 0, "%ld KiB resident, goal %ld",
		    resident_kib(), goal))
		return 1;
	huge = huge_kib();
	more = free_huge_kib() - more;
	dprintf(2, "thinned in %d s: %ld resident, %ld huge, %ld dense; %ld "
		"KiB more free in blocks of 2 MiB\n", took, resident_kib(),
		huge, whole_kib(true), more);
	if (huge < whole_kib(true) / 100 * 95 ||
	    full - before < (long)(FILL >> 10))
		return 5;
	/* Transparent huge pages are split, the module's go back whole. */
	if (module_stat("mapped") &&
	    module_stat("broken") - broken < whole_kib(false) / (long)(RANGE >> 10))
		return 7;
	malloc_trim(0);
	touch_all();
	goal = before + live_kib(false) * 105 / 100 + SLACK_KIB;
	dprintf(2, "trimmed: %ld resident, goal %ld\n",
		resident_kib(), goal);
	return resident_kib() > goal ? 6 : 0;
}

static const struct inner inners[] = {
	{"thinned", thinned},
	{},
};

/* Children print what they found: it is worth a line in any case. */
static void say(char *text)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")))
		if (*line)
			printf("# %s\n", line);
}

static void sparse_and_dense(void)
{
	struct child child;

	if (!is_ashlar()) {
		ktap_skip("libc knows nothing of huge pages");
		return;
	}
	inner_exec(&child, "thinned",
		   "thp_start:0,pressure:off,background_thread:on");
	if (child_code(&child) == 3) {
		ktap_skip("no huge pages here: see /sys/kernel/mm/"
			  "transparent_hugepage/enabled");
		return;
	}
	say(child.text);
	EXPECT(child_code(&child) == 0, "exit code %d", child_code(&child));
}

static const struct ktap_test tests[] = {
	{"sparse_and_dense", sparse_and_dense},
	{},
};

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "inner"))
		return inner_run(inners, argv[2]);
	return ktap_main(tests, argc, argv);
}
