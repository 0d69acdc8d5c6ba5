// SPDX-License-Identifier: MIT
/*
 * Short of something: the pool empty, memory exhausted, the memory cgroup full,
 * a quota reached. Never SIGBUS for lack of a huge page, and calls say no.
 */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "guest.h"
#include "ktap.h"

#define CGROUP "/tmp/ashlar-cgroup"
#define MINE CGROUP "/ashlar-test"
#define MIB (1UL << 20)

static bool cgroup_ready(void)
{
	mkdir(CGROUP, 0700);
	if (mount("none", CGROUP, "cgroup2", 0, NULL) && errno != EBUSY)
		return false;
	mkdir(MINE, 0700);
	if (access(MINE "/memory.max", W_OK))
		write_file(CGROUP "/cgroup.subtree_control", "+memory");
	return !access(MINE "/memory.max", W_OK);
}

static void cgroup_enter(unsigned long limit)
{
	write_file(MINE "/memory.max", "%lu", limit);
	write_file(MINE "/cgroup.procs", "%d", getpid());
}

static bool cgroup_is_empty(void *arg)
{
	(void)arg;
	return read_number(MINE "/memory.current") < (long long)(2 * MIB);
}

static void empty_pool(void)
{
	long long misses = stat_now("pool_misses");
	char *p, *q;

	set_pools(0);
	p = map_region(8 * HUNK);
	memset(p, 1, 8 * HUNK);
	EXPECT_EQ(misses + 8, stat_now("pool_misses"));
	EXPECT_EQ((long)(8 * HUNK / 1024),
		  smaps_kib(p, 8 * HUNK, "FilePmdMapped"));
	q = map_region(HUNK);
	EXPECT_EQ(-ENOMEM, do_populate(q, HUNK, ASHLAR_POPULATE_POOL, NULL));
	munmap(q, HUNK);
	munmap(p, 8 * HUNK);
	set_pools(16);
}

static void charged_to_the_cgroup(void)
{
	pid_t pid;

	if (!cgroup_ready()) {
		ktap_skip("no memory controller of cgroup v2");
		return;
	}
	pid = fork();
	if (!pid) {
		long long before, after;
		char *p;

		cgroup_enter(256 * MIB);
		p = map_region(20 * HUNK);
		before = read_number(MINE "/memory.current");
		memset(p, 1, 20 * HUNK);
		after = read_number(MINE "/memory.current");
		munmap(p, 20 * HUNK);
		_exit(after - before < (long long)(20 * HUNK) ||
		      after - before > (long long)(21 * HUNK));
	}
	EXPECT_EQ(0, wait_child(pid));
	EXPECT(wait_for(cgroup_is_empty, NULL, 5000), "%lld bytes left",
	       read_number(MINE "/memory.current"));
}

/* The call says ENOMEM, kills nobody, and takes back what it had. */
static void populate_at_the_limit(void)
{
	pid_t pid;

	if (!cgroup_ready()) {
		ktap_skip("no memory controller of cgroup v2");
		return;
	}
	pid = fork();
	if (!pid) {
		uint64_t done;
		char *p;

		cgroup_enter(40 * MIB);
		p = map_region(40 * HUNK);
		if (do_populate(p, 40 * HUNK, ASHLAR_POPULATE_HUGE, &done) !=
			    -ENOMEM || !done || done > 20)
			_exit(1);
		munmap(p, 40 * HUNK);
		p = map_region(40 * HUNK);
		if (do_populate(p, 40 * HUNK, ASHLAR_POPULATE_ALL, &done) !=
			    -ENOMEM || done)
			_exit(2);
		if (smaps_kib(p, 40 * HUNK, "Rss"))
			_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(pid));
}

static void fault_at_the_limit(void)
{
	int status;
	pid_t pid;

	if (!cgroup_ready()) {
		ktap_skip("no memory controller of cgroup v2");
		return;
	}
	pid = fork();
	if (!pid) {
		char *p;

		cgroup_enter(40 * MIB);
		p = map_region(60 * HUNK);
		memset(p, 1, 60 * HUNK);
		_exit(0);
	}
	status = wait_child(pid);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	       "status %#x, not the OOM killer's", status);
	EXPECT(wait_for(cgroup_is_empty, NULL, 5000), "%lld bytes left",
	       read_number(MINE "/memory.current"));
}

static int quota_set(unsigned long limit, struct ashlar_quota *quota)
{
	memset(quota, 0, sizeof(*quota));
	quota->size = sizeof(*quota);
	quota->flags = ASHLAR_QUOTA_SET;
	quota->limit = limit;
	return do_ioctl(ASHLAR_IOC_QUOTA, quota);
}

static void quota_of_the_file(void)
{
	struct ashlar_quota quota;
	uint64_t done;
	char *p;

	EXPECT_EQ(-EINVAL, quota_set(1000, &quota));
	EXPECT_EQ(0, quota_set(4 * HUNK, &quota));
	EXPECT_EQ((long)(4 * HUNK), (long)quota.ret_file_limit);
	p = map_region(8 * HUNK);
	EXPECT_EQ(-EDQUOT, do_populate(p, 8 * HUNK, 0, &done));
	EXPECT_EQ(4, (long)done);
	EXPECT_EQ(-EDQUOT, do_populate(p, 8 * HUNK, ASHLAR_POPULATE_ALL,
				       &done));
	EXPECT_EQ(SIGBUS, touch_signal(p + 5 * HUNK, true));
	EXPECT_EQ(0, do_discard(p, HUNK, NULL));
	EXPECT_EQ(0, touch_signal(p + 5 * HUNK, true));
	EXPECT_EQ(0, quota_set(0, &quota));
	EXPECT_EQ((long)(4 * HUNK), (long)quota.ret_file_used);
	EXPECT_EQ(0, do_populate(p, 8 * HUNK, ASHLAR_POPULATE_ALL, &done));
	munmap(p, 8 * HUNK);
}

static void quota_of_the_user(void)
{
	pid_t pid;

	write_file(ASHLAR_SYSFS "quota/uid_limit", "%lu", 4 * HUNK);
	pid = fork();
	if (!pid) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(9);
		_exit(open(ASHLAR_DEVICE, O_RDWR) >= 0 || errno != EACCES);
	}
	EXPECT_EQ(0, wait_child(pid));
	pid = fork();
	if (!pid) {
		char *p;

		dev_open();
		p = map_region(4 * HUNK);
		if (do_populate(p, 4 * HUNK, 0, NULL))
			_exit(1);
		close(dev);
		dev_open();
		p = map_region(HUNK);
		_exit(do_populate(p, HUNK, 0, NULL) != -EDQUOT);
	}
	EXPECT_EQ(0, wait_child(pid));
	write_file(ASHLAR_SYSFS "quota/uid_limit", "0");
}

/* More than there is: the OOM killer's choice, nothing else, and no splat. */
static void memory_exhausted(void)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		size_t len = sysconf(_SC_PHYS_PAGES) * 4096UL;
		char *p = map_region((len + HUNK) & -HUNK);

		write_file("/proc/self/oom_score_adj", "1000");
		memset(p, 1, len);
		_exit(0);
	}
	status = wait_child(pid);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	       "status %#x, not the OOM killer's", status);
	EXPECT(wait_for(balanced, NULL, 10000), "%lld mapped, %lld small",
	       stat_now("mapped"), stat_now("small"));
}

static void pressure_drains_the_pool(void)
{
	long long shrunk;

	set_pools(16);
	shrunk = stat_now("shrunk");
	write_file("/proc/sys/vm/drop_caches", "2");
	EXPECT(stat_now("shrunk") > shrunk, "nothing given back");
	EXPECT(read_number(ASHLAR_SYSFS "node0/pressure_epoch") > 0,
	       "no pressure seen");
}

static void nothing_left(void)
{
	EXPECT(wait_for(balanced, NULL, 5000),
	       "mapped %lld parked %lld small %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "empty_pool", empty_pool },
	{ "charged_to_the_cgroup", charged_to_the_cgroup },
	{ "populate_at_the_limit", populate_at_the_limit },
	{ "fault_at_the_limit", fault_at_the_limit },
	{ "quota_of_the_file", quota_of_the_file },
	{ "quota_of_the_user", quota_of_the_user },
	{ "pressure_drains_the_pool", pressure_drains_the_pool },
	{ "memory_exhausted", memory_exhausted },
	{ "nothing_left", nothing_left },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	return ktap_main(tests, argc, argv);
}
