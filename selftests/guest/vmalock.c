// SPDX-License-Identifier: MIT
/*
 * The core's per-VMA locks (6.4 and later), and the NUMA scan: mends that only
 * the core's own doings test.
 *
 * Like traps.c, with the module's test build and each mend left out in turn.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "guest.h"
#include "ktap.h"

#define PAGE 4096UL

/* Bits of "fail" and "traps": see kmod/failpoint.h. */
enum { FAIL_HUGE = 1 << 1 };
enum trap {
	TRAP_FORKLOCK	= 1 << 3,
	TRAP_MAPPAGES	= 1 << 12,
	TRAP_HINTS	= 1 << 13,
};

static bool has_vma_locks(void)
{
	struct utsname name;
	int major, minor;

	uname(&name);
	return sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 7));
}

/*
 * Fork takes the VMAs of a split region one by one, and shares all of the
 * region's pages with the first: a write to another VMA, after the page tables
 * went and before its page is shared, maps the page writable for good.
 */
#define NR_HUNKS 8
#define NR_FORKS 10

static char *mem;
static atomic_bool stop;

static void *writer(void *arg)
{
	volatile uint32_t *word = arg;

	while (!stop)
		++*word;
	return NULL;
}

static volatile uint32_t *word_of(int hunk)
{
	return (volatile uint32_t *)(mem + hunk * HUNK);
}

/* In the child: does memory change that only the parent writes? */
static int nr_changing(void)
{
	uint32_t was[NR_HUNKS];
	int i, nr = 0;

	for (i = 2; i < NR_HUNKS; i += 2)
		was[i] = *word_of(i);
	usleep(30000);
	for (i = 2; i < NR_HUNKS; i += 2)
		nr += *word_of(i) != was[i];
	return nr;
}

/* Base pages in the first hunk: its share is slow, and widened. */
static void split_region(void)
{
	int i;

	mem = map_region(NR_HUNKS * HUNK);
	set_param("fail", FAIL_HUGE);
	memset(mem, 1, HUNK);
	set_param("fail", 0);
	memset(mem + HUNK, 1, (NR_HUNKS - 1) * HUNK);
	for (i = 1; i < NR_HUNKS; i += 2)
		mprotect(mem + i * HUNK, HUNK, PROT_READ);
}

static int nr_forks_leaking(void)
{
	pthread_t threads[NR_HUNKS / 2];
	int i, round, nr = 0;
	pid_t pid;

	split_region();
	stop = false;
	for (i = 2; i < NR_HUNKS; i += 2)
		pthread_create(&threads[i / 2], NULL, writer,
			       (void *)word_of(i));
	set_param("widen", 500);
	for (round = 0; round < NR_FORKS; round++) {
		pid = fork();
		if (!pid)
			_exit(nr_changing() != 0);
		nr += wait_child(pid) != 0;
	}
	set_param("widen", 0);
	stop = true;
	for (i = 2; i < NR_HUNKS; i += 2)
		pthread_join(threads[i / 2], NULL);
	munmap(mem, NR_HUNKS * HUNK);
	return nr;
}

static void fork_locks_all(void)
{
	int nr;

	EXPECT_EQ(0, nr_forks_leaking());
	if (!has_vma_locks()) {
		ktap_skip("no VMA locks here: the mmap lock keeps faults out");
		return;
	}
	if (!getenv("ASHLAR_OPEN"))
		return;
	set_param("traps", TRAP_FORKLOCK);
	nr = nr_forks_leaking();
	set_param("traps", 0);
	printf("# %d forks of %d leaked\n", nr, NR_FORKS);
	EXPECT(nr > 0, "no leak: the test sees nothing");
}

/* Without .map_pages the core takes the mmap lock for every fault. */
static long long nr_under_vma_lock(void)
{
	long long before = get_param("vmalocked");
	char *p = map_region(4 * HUNK);

	memset(p, 1, 4 * HUNK);
	munmap(p, 4 * HUNK);
	return get_param("vmalocked") - before;
}

static void faults_under_vma_lock(void)
{
	if (!has_vma_locks()) {
		ktap_skip("no VMA locks on this kernel");
		return;
	}
	EXPECT(nr_under_vma_lock() > 0, "none of the faults");
	set_param("traps", TRAP_MAPPAGES);
	EXPECT_EQ(0, nr_under_vma_lock());
	set_param("traps", 0);
}

/*
 * Without .get_policy the NUMA scan takes page-table entries away, so that
 * accesses fault and tell where they come from: for nothing, since a region's
 * pages do not migrate.
 */
#define SCAN_HUNKS 128
#define SCAN_SECONDS 3
#define SCAN_SYSFS "/sys/kernel/debug/sched/numa_balancing/"

static long long nr_hints(void)
{
	long long nr, sum = -1;
	char name[64];
	FILE *file = fopen("/proc/vmstat", "re");

	while (file && fscanf(file, "%63s %lld", name, &nr) == 2)
		if (!strcmp(name, "numa_hint_faults"))
			sum = nr;
	if (file)
		fclose(file);
	return sum;
}

/* CPU time: it sets the pace of the scan, and a slow machine changes nothing. */
static double cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static char *map_anon(size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(p, len, MADV_NOHUGEPAGE);
	memset(p, 1, len);
	return p;
}

static void read_pages(volatile char *p, size_t len)
{
	volatile char *at;

	for (at = p; at < p + len; at += PAGE)
		(void)*at;
}

/*
 * Memory of the first CPU's node, read from the second's.  In a process of its
 * own: the scan's pace starts anew, and is one of its CPU time.
 */
static long long nr_hints_for(char *(*map)(size_t len), size_t len)
{
	long long before = nr_hints();
	double end;
	pid_t pid;
	char *p;

	pid = fork();
	if (!pid) {
		pin_cpu(0);
		p = map(len);
		read_pages(p, len);
		pin_cpu(1);
		for (end = cpu_time() + SCAN_SECONDS; cpu_time() < end;)
			read_pages(p, len);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(pid));
	return nr_hints() - before;
}

/*
 * The process's other memory counts too, a few dozen. Of a region only what is
 * mapped huge is taken away: the scan passes over dirty base pages of files.
 */
static void no_hinting_faults(void)
{
	long long was, other, nr;

	if (access("/proc/sys/kernel/numa_balancing", W_OK) ||
	    access(SCAN_SYSFS "scan_delay_ms", W_OK) ||
	    access("/sys/devices/system/node/node1/cpu1", F_OK)) {
		ktap_skip("no NUMA balancing, or not CPU 1 on node 1");
		return;
	}
	was = read_number("/proc/sys/kernel/numa_balancing");
	write_file("/proc/sys/kernel/numa_balancing", "1");
	write_file(SCAN_SYSFS "scan_delay_ms", "100");
	write_file(SCAN_SYSFS "scan_period_min_ms", "100");
	write_file(SCAN_SYSFS "scan_period_max_ms", "200");
	nr = nr_hints_for(map_anon, HUNK);
	other = nr_hints_for(map_region, SCAN_HUNKS * HUNK);
	printf("# hinting faults: anonymous %lld, a region %lld\n", nr, other);
	if (nr < (long)(HUNK / PAGE / 2)) {
		ktap_skip("only %lld hinting faults of anonymous memory", nr);
		goto restore;
	}
	set_param("traps", TRAP_HINTS);
	nr = nr_hints_for(map_region, SCAN_HUNKS * HUNK);
	set_param("traps", 0);
	printf("# a region without .get_policy %lld\n", nr);
	EXPECT(other < SCAN_HUNKS / 2, "%lld hinting faults", other);
	EXPECT(nr >= other + SCAN_HUNKS / 2, "%lld: the test sees nothing", nr);
restore:
	write_file(SCAN_SYSFS "scan_delay_ms", "1000");
	write_file(SCAN_SYSFS "scan_period_min_ms", "1000");
	write_file(SCAN_SYSFS "scan_period_max_ms", "60000");
	write_file("/proc/sys/kernel/numa_balancing", "%lld", was);
}

static const struct ktap_test tests[] = {
	{ "fork_locks_all", fork_locks_all },
	{ "faults_under_vma_lock", faults_under_vma_lock },
	{ "no_hinting_faults", no_hinting_faults },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return with_test_build(ktap_main, tests, argc, argv);
}
