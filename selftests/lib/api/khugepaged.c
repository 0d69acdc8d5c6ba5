// SPDX-License-Identifier: MIT
/*
 * khugepaged.c - what was given back of transparent huge pages stays away while
 * khugepaged goes over the process again and again, takes few mappings, and is
 * huge again once it is full.  The kernel's settings are changed meanwhile: for
 * a guest.
 */
#include "ktap.h"
#include "testlib.h"

#include <malloc.h>
#include <sched.h>
#include <time.h>

#define KHUGEPAGED "/sys/kernel/mm/transparent_hugepage/khugepaged/"
#define OBJECT 1024
#define FILL (64u << 20)
#define NR_OBJECTS (FILL / OBJECT)
#define STAY 40 /* one object in so many: of every tenth base page */
#define SCANS 4
#define PATIENCE_S 120
#define SLACK_KIB 4096

static char *objects[NR_OBJECTS];

static void fill(void)
{
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		if (!objects[i])
			objects[i] = malloc(OBJECT);
		if (!objects[i])
			_exit(2);
		memset(objects[i], 1, OBJECT);
	}
}

static long read_number(const char *path)
{
	FILE *f = fopen(path, "r");
	long v = -1;

	if (f && fscanf(f, "%ld", &v) != 1)
		v = -1;
	if (f)
		fclose(f);
	return v;
}

static bool write_number(const char *path, long v)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return false;
	fprintf(f, "%ld\n", v);
	return !fclose(f);
}

static unsigned int nr_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned int nr = 0;
	int ch;

	while (f && (ch = fgetc(f)) != EOF)
		nr += ch == '\n';
	if (f)
		fclose(f);
	return nr;
}

/* khugepaged comes by: all of this process, a few times. */
static bool wait_for_scans(void)
{
	long end = read_number(KHUGEPAGED "full_scans") + SCANS;

	for (int i = 0; i < PATIENCE_S; i++, sleep(1))
		if (read_number(KHUGEPAGED "full_scans") >= end)
			return true;
	return false;
}

static bool wait_until_huge(long long bytes)
{
	for (int i = 0; i < PATIENCE_S; i++, sleep(1))
		if (ashlar_stat("huge") >= bytes)
			return true;
	return false;
}

static int left_alone(void)
{
	unsigned int mappings = nr_mappings();
	long thin, now;

	/* What is free on one node is not filled by a thread that went to another. */
	if (stay_on_cpu(sched_getcpu()))
		return 2;
	fill();
	if (ashlar_stat("huge") < FILL / 10 * 8)
		return 3;
	for (unsigned int i = 0; i < NR_OBJECTS; i++) {
		if (i % STAY) {
			free(objects[i]);
			objects[i] = NULL;
		}
	}
	malloc_trim(0);
	thin = proc_status_kib("VmRSS:");
	if (!EXPECT(thin < (long)(FILL >> 10) / 2, "%ld KiB after malloc_trim",
		    thin) ||
	    !EXPECT(wait_for_scans(), "khugepaged does not come by"))
		return 1;
	now = proc_status_kib("VmRSS:");
	dprintf(2, "%ld KiB resident, %ld after khugepaged, %u mappings more\n",
		thin, now, nr_mappings() - mappings);
	if (now > thin + SLACK_KIB)
		return 4;
	/* All that is broken adjoins: hardly any. */
	if (nr_mappings() > mappings + 16)
		return 5;
	fill();
	if (wait_until_huge(FILL / 10 * 8))
		return 0;
	dprintf(2,
		"# %lld bytes huge of %lld, %lld collapsed, refused %lld times, "
		"%lld of %lld pages broken, %lld empty\n",
		ashlar_stat("huge"), ashlar_stat("resident"),
		ashlar_stat("collapsed"), ashlar_stat("collapse_refused"),
		ashlar_stat("hpages_broken"), ashlar_stat("hpages"),
		ashlar_stat("hpages_empty"));
	return 6;
}

static const struct inner inners[] = {
	{"left_alone", left_alone},
	{},
};

static void broken_stays_small(void)
{
	long sleep_ms = read_number(KHUGEPAGED "scan_sleep_millisecs");
	long retry_ms = read_number(KHUGEPAGED "alloc_sleep_millisecs");
	struct child child;

	if (!is_ashlar()) {
		ktap_skip("libc knows nothing of huge pages");
		return;
	}
	if (!write_number(KHUGEPAGED "scan_sleep_millisecs", 20) ||
	    !write_number(KHUGEPAGED "alloc_sleep_millisecs", 20)) {
		ktap_skip("khugepaged can't be hurried: not root?");
		return;
	}
	inner_exec(&child, "left_alone",
		   "thp_start:0,pressure:off,background_thread:on,backend:thp");
	write_number(KHUGEPAGED "scan_sleep_millisecs", sleep_ms);
	write_number(KHUGEPAGED "alloc_sleep_millisecs", retry_ms);
	if (child_code(&child) == 3) {
		ktap_skip("no huge pages here: see /sys/kernel/mm/"
			  "transparent_hugepage/enabled");
		return;
	}
	printf("# %s", child.text);
	EXPECT(child_code(&child) == 0, "exit code %d", child_code(&child));
}

static const struct ktap_test tests[] = {
	{"broken_stays_small", broken_stays_small},
	{},
};

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "inner"))
		return inner_run(inners, argv[2]);
	return ktap_main(tests, argc, argv);
}
