// SPDX-License-Identifier: MIT
/*
 * CPUs and memory that go and come, and a machine that goes to sleep.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/klog.h>
#include <sys/mman.h>

#include "guest.h"
#include "ktap.h"

#define NR 8
#define CPU1_ONLINE "/sys/devices/system/cpu/cpu1/online"
#define NODE1_CPU1 "/sys/devices/system/node/node1/cpu1"
#define MEMORY "/sys/devices/system/memory/"

static int read_line(const char *path, const char *key, char *line, int len)
{
	size_t key_len = strlen(key);
	FILE *file = fopen(path, "re");
	int found = 0;

	while (file && !found && fgets(line, len, file))
		found = !strncmp(line, key, key_len);
	if (file)
		fclose(file);
	if (found)
		memmove(line, line + key_len, strlen(line + key_len) + 1);
	line[strcspn(line, "\n")] = '\0';
	return found;
}

/* CPUs that a kernel thread may run on, as a list. */
static const char *cpus_of(const char *thread)
{
	static char list[256];
	char path[300], comm[64];
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	list[0] = '\0';
	while (dir && (entry = readdir(dir))) {
		if (atoi(entry->d_name) <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (!read_line(path, "", comm, sizeof(comm)) ||
		    strcmp(comm, thread))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/status", entry->d_name);
		read_line(path, "Cpus_allowed_list:\t", list, sizeof(list));
	}
	if (dir)
		closedir(dir);
	return list;
}

static bool node1_has(void *arg)
{
	return read_number(ASHLAR_SYSFS "node1/pool") >= *(int *)arg;
}

static bool node0_zeroes(void *arg)
{
	return read_number(ASHLAR_SYSFS "node0/zeroed") > *(long long *)arg;
}

/* Its only CPU gone, a thread works on; the CPU back, it keeps to it again. */
static void cpu_goes_and_comes(void)
{
	int err, more = NR + 8;

	if (access(NODE1_CPU1, F_OK) || access(CPU1_ONLINE, W_OK)) {
		ktap_skip("CPU 1 cannot go offline, or is not on node 1");
		return;
	}
	wait_pools(NR);
	EXPECT(!strcmp("1", cpus_of("ashlar/1")), "%s", cpus_of("ashlar/1"));
	err = try_write(CPU1_ONLINE, "0");
	if (err == -EBUSY || err == -EPERM) {
		ktap_skip("CPU 1 does not go offline: %s", strerror(-err));
		return;
	}
	EXPECT_EQ(0, err);
	write_file(ASHLAR_SYSFS "node1/min_target", "%d", more);
	write_file(ASHLAR_SYSFS "node1/max_target", "%d", more);
	EXPECT(wait_for(node1_has, &more, 20000), "%lld in the pool",
	       read_number(ASHLAR_SYSFS "node1/pool"));
	EXPECT_EQ(0, try_write(CPU1_ONLINE, "1"));
	EXPECT(!strcmp("1", cpus_of("ashlar/1")), "%s", cpus_of("ashlar/1"));
	set_pools(NR);
}

/* Number of the memory block that holds a page. */
static long block_of(const void *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char size[64] = "";
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, 8, (uintptr_t)addr / 4096 * 8) != 8)
		entry = 0;
	if (fd >= 0)
		close(fd);
	if (!(entry >> 63) ||
	    !read_line(MEMORY "block_size_bytes", "", size, sizeof(size)))
		return -1;
	return (entry & ((1ULL << 55) - 1)) * 4096 /
	       strtoull(size, NULL, 16);
}

static bool log_has(const char *text)
{
	static char log[1 << 18];
	int len = klogctl(3, log, sizeof(log) - 1);

	log[len > 0 ? len : 0] = '\0';
	return strstr(log, text);
}

/* Not tried for ever. Most blocks are refused for the kernel's own pages. */
static void memory_in_use_stays(void)
{
	char path[128], *p;
	long block, last = -1;
	int i, err, nr_tried = 0;

	set_pools(0);
	p = map_region(64 * HUNK);
	for (i = 0; i < 64; i++) {
		p[i * HUNK] = i + 1;
		block = block_of(p + i * HUNK);
		if (block < 0 || block == last)
			continue;
		last = block;
		snprintf(path, sizeof(path), MEMORY "memory%ld/state", block);
		if (access(path, W_OK))
			continue;
		err = try_write(path, "offline");
		if (err == -EINVAL)	/* it has holes: never */
			continue;
		nr_tried++;
		EXPECT(err == -EBUSY, "block %ld: %s", block, strerror(-err));
		if (!err)
			try_write(path, "online");
	}
	for (i = 0; i < 64; i++)
		EXPECT_EQ(i + 1, p[i * HUNK]);
	munmap(p, 64 * HUNK);
	set_pools(NR);
	if (!nr_tried)
		ktap_skip("no memory block can go offline here");
	else if (!log_has("cannot go offline:"))
		ktap_skip("each of %d blocks has pages of the kernel's too",
			  nr_tried);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static char *filled_region(void)
{
	char *p = map_region(NR * HUNK);
	int i;

	for (i = 0; i < NR; i++)
		memset(p + i * HUNK, i + 1, HUNK);
	return p;
}

static void expect_filled(const char *p)
{
	size_t i, nr_bad = 0;

	for (i = 0; i < NR * HUNK; i += 64)
		nr_bad += p[i] != (char)(i / HUNK + 1);
	EXPECT_EQ(0, (long)nr_bad);
}

#define RATE 20

/* The kernel stays some seconds at the point where all tasks are frozen. */
static int rehearse(double *ret_took, long long *ret_zeroed)
{
	long long zeroed = read_number(ASHLAR_SYSFS "node0/zeroed");
	double start = now();
	int err = try_write("/sys/power/state", "freeze");

	*ret_took = now() - start;
	*ret_zeroed = read_number(ASHLAR_SYSFS "node0/zeroed") - zeroed;
	return err;
}

/*
 * A thread that is not frozen zeroes on at the rate that is set; one that is
 * does so at most before and after, which on a slow machine may be long.
 */
static void sleep_freezes_the_threads(void)
{
	long long zeroed = 0;
	double took = 0;
	int err, try;
	char *p;

	if (access("/sys/power/pm_test", W_OK) ||
	    try_write("/sys/power/pm_test", "freezer")) {
		ktap_skip("the kernel cannot rehearse sleep");
		return;
	}
	p = filled_region();
	write_file(ASHLAR_SYSFS "zeroer/rate", "%d", RATE);
	write_file(ASHLAR_SYSFS "node0/max_target", "%d", 4096);
	write_file(ASHLAR_SYSFS "node0/min_target", "%d", 4096);
	for (try = 0; try < 5; try++) {
		err = rehearse(&took, &zeroed);
		if (err || zeroed < RATE * took / 2)
			break;
	}
	EXPECT(try < 5, "%lld zeroed in %.1f s", zeroed, took);
	try_write("/sys/power/pm_test", "none");
	zeroed = read_number(ASHLAR_SYSFS "node0/zeroed");
	write_file(ASHLAR_SYSFS "zeroer/rate", "0");
	EXPECT(wait_for(node0_zeroes, &zeroed, 20000), "it does not thaw");
	fix_pools(NR);
	expect_filled(p);
	munmap(p, NR * HUNK);
	if (err)
		ktap_skip("no sleep here: %s", strerror(-err));
}

/*
 * The machine itself, to memory and back by its clock. A guest's files do not
 * come back (9p), so this program must be in memory, and says how it went in
 * the kernel's log: ASHLAR_SLEEP=deep (or s2idle) hotplug machine_sleeps
 */
static void machine_sleeps(void)
{
	const char *how = getenv("ASHLAR_SLEEP");
	int err, nr = NR;
	char *p;

	if (!how) {
		ktap_skip("only when asked for: ASHLAR_SLEEP=deep");
		return;
	}
	EXPECT_EQ(0, try_write("/sys/power/mem_sleep", how));
	EXPECT_EQ(0, try_write("/sys/class/rtc/rtc0/wakealarm", "+5"));
	p = filled_region();
	EXPECT_EQ(0, mlockall(MCL_CURRENT));
	err = try_write("/sys/power/state", "mem");
	EXPECT_EQ(0, err);
	expect_filled(p);
	set_pools(0);
	set_pools(NR);
	EXPECT(node1_has(&nr), "the threads do not thaw");
	EXPECT_EQ(0, do_discard(p, NR * HUNK, NULL));
	EXPECT_EQ(0, p[HUNK]);
	munmap(p, NR * HUNK);
	write_file("/dev/kmsg", "ashlar-test: %s %s: %d failures\n",
		   ktap_running, how, ktap_nr_failures);
}

/* Up to the point where tasks are frozen, and back: pools empty, then full. */
static void hibernation_empties_the_pools(void)
{
	long long freed, nr;
	int err;

	if (access("/sys/power/pm_test", W_OK) ||
	    try_write("/sys/power/pm_test", "freezer")) {
		ktap_skip("the kernel cannot rehearse sleep");
		return;
	}
	wait_pools(NR);
	freed = stat_now("freed");
	nr = read_number(ASHLAR_SYSFS "node0/pool") +
	     read_number(ASHLAR_SYSFS "node1/pool");
	err = try_write("/sys/power/state", "disk");
	try_write("/sys/power/pm_test", "none");
	if (err) {
		ktap_skip("no hibernation here: %s", strerror(-err));
		return;
	}
	EXPECT(stat_now("freed") >= freed + nr, "%lld of %lld given back",
	       stat_now("freed") - freed, nr);
	wait_pools(NR);
}

static void nothing_left(void)
{
	EXPECT(wait_for(balanced, NULL, 5000), "imbalance %lld",
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "cpu_goes_and_comes", cpu_goes_and_comes },
	{ "memory_in_use_stays", memory_in_use_stays },
	{ "sleep_freezes_the_threads", sleep_freezes_the_threads },
	{ "machine_sleeps", machine_sleeps },
	{ "hibernation_empties_the_pools", hibernation_empties_the_pools },
	{ "nothing_left", nothing_left },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	set_pools(NR);
	return ktap_main(tests, argc, argv);
}
