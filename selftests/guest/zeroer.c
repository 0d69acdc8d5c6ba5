// SPDX-License-Identifier: MIT
/*
 * How the zeroer is governed, and who may make it work: rate, priority, a target
 * that follows demand, user namespaces.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "guest.h"
#include "ktap.h"

#define FLOOR 4
#define CAP 40
#define BURST 24
#define RATE 20
#define GROUP 4242

static bool target_is_high(void *arg)
{
	(void)arg;
	return read_number(ASHLAR_SYSFS "node0/target") >= BURST;
}

static bool target_is_floor(void *arg)
{
	(void)arg;
	return read_number(ASHLAR_SYSFS "node0/target") == FLOOR;
}

/* What the target is, or will be at the next look, is above the cap no more. */
static void cap_holds_at_once(void)
{
	char *p = map_region(CAP * HUNK);
	int i;

	pin_cpu(0);
	write_file(ASHLAR_SYSFS "node0/min_target", "%d", FLOOR);
	write_file(ASHLAR_SYSFS "node0/max_target", "%d", CAP);
	for (i = 0; i < CAP; i++)
		p[i * HUNK] = 1;
	EXPECT(wait_for(target_is_high, NULL, 20000), "target %lld",
	       read_number(ASHLAR_SYSFS "node0/target"));
	write_file(ASHLAR_SYSFS "node0/max_target", "%d", BURST / 2);
	for (i = 0; i < 200; i++)
		if (!EXPECT(read_number(ASHLAR_SYSFS "node0/target") <=
				    BURST / 2,
			    "target %lld",
			    read_number(ASHLAR_SYSFS "node0/target")))
			break;
	munmap(p, CAP * HUNK);
	unpin();
}

/* A burst raises it, to no more than the cap; rest lowers it to the floor. */
static void target_follows_demand(void)
{
	char *p;
	int i;

	pin_cpu(0);
	write_file(ASHLAR_SYSFS "node0/min_target", "%d", FLOOR);
	write_file(ASHLAR_SYSFS "node0/max_target", "%d", CAP);
	p = map_region(3 * BURST * HUNK);
	for (i = 0; i < BURST; i++)
		p[i * HUNK] = 1;
	EXPECT(wait_for(target_is_high, NULL, 20000), "target %lld",
	       read_number(ASHLAR_SYSFS "node0/target"));
	EXPECT(read_number(ASHLAR_SYSFS "node0/burst") >= BURST, "burst %lld",
	       read_number(ASHLAR_SYSFS "node0/burst"));
	for (; i < 3 * BURST; i++)
		p[i * HUNK] = 1;
	EXPECT(read_number(ASHLAR_SYSFS "node0/target") <= CAP, "target %lld",
	       read_number(ASHLAR_SYSFS "node0/target"));
	munmap(p, 3 * BURST * HUNK);
	EXPECT(wait_for(target_is_floor, NULL, 120000), "target %lld",
	       read_number(ASHLAR_SYSFS "node0/target"));
	unpin();
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Whoever takes pages wakes the threads; that must not count. */
static void rate_is_kept(void)
{
	long long zeroed;
	char *p = map_region(HUNK);
	double start, took;

	pin_cpu(0);
	write_file(ASHLAR_SYSFS "zeroer/rate", "%d", RATE);
	set_pools(FLOOR);
	do_populate(p, HUNK, 0, NULL);
	zeroed = read_number(ASHLAR_SYSFS "node0/zeroed");
	start = now();
	do {
		do_discard(p, HUNK, NULL);
		p[0] = 1;
		took = now() - start;
		/* The thread is nice, and a slow machine gives it little. */
	} while (took < 3 ||
		 (took < 120 &&
		  read_number(ASHLAR_SYSFS "node0/zeroed") == zeroed));
	zeroed = read_number(ASHLAR_SYSFS "node0/zeroed") - zeroed;
	EXPECT(zeroed > 0, "nothing was zeroed");
	printf("# %lld zeroed in %.1f s\n", zeroed, took);
	/* One batch may have been under way at either end. */
	EXPECT(zeroed <= RATE * took + 2 * (RATE / 10),
	       "%lld in %.1f s at %d a second", zeroed, took, RATE);
	EXPECT_EQ(-EINVAL, try_write(ASHLAR_SYSFS "zeroer/rate", "50001"));
	EXPECT_EQ(RATE, read_number(ASHLAR_SYSFS "zeroer/rate"));
	write_file(ASHLAR_SYSFS "zeroer/rate", "0");
	munmap(p, HUNK);
	unpin();
}

/* Field of /proc/PID/stat of node 0's thread, counted from the state as 3. */
static long thread_field(int field)
{
	struct dirent *entry;
	char path[300], line[1024], *at;
	DIR *dir = opendir("/proc");
	long value = -999;

	while (dir && value == -999 && (entry = readdir(dir))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		file = atoi(entry->d_name) > 0 ? fopen(path, "re") : NULL;
		if (!file)
			continue;
		at = fgets(line, sizeof(line), file);
		fclose(file);
		if (!at || !strstr(line, "(ashlar/0)"))
			continue;
		for (at = strrchr(line, ')') + 2; field > 3 && at; field--)
			at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
		value = at ? strtol(at, NULL, 10) : -998;
	}
	if (dir)
		closedir(dir);
	return value;
}

static void priority(void)
{
	EXPECT_EQ(19, thread_field(19));
	EXPECT_EQ(0, try_write(ASHLAR_SYSFS "zeroer/nice", "7"));
	EXPECT_EQ(7, thread_field(19));
	EXPECT_EQ(-EINVAL, try_write(ASHLAR_SYSFS "zeroer/nice", "20"));
	EXPECT_EQ(SCHED_OTHER, thread_field(41));
	EXPECT_EQ(0, try_write(ASHLAR_SYSFS "zeroer/idle_only", "1"));
	EXPECT_EQ(SCHED_IDLE, thread_field(41));
	set_pools(FLOOR + 2);
	wait_pools(FLOOR + 2);
	EXPECT_EQ(0, try_write(ASHLAR_SYSFS "zeroer/idle_only", "0"));
	EXPECT_EQ(0, try_write(ASHLAR_SYSFS "zeroer/nice", "19"));
	EXPECT_EQ(SCHED_OTHER, thread_field(41));
}

/* What the kernel said at boot of zeroing by itself. */
static bool kernel_zeroes(bool *ret_is_known)
{
	static char log[1 << 20];
	int len = klogctl(3, log, sizeof(log) - 1);
	const char *line;

	log[len > 0 ? len : 0] = '\0';
	line = strstr(log, "mem auto-init:");
	*ret_is_known = line;
	return line && !(strstr(line, "heap alloc:off") &&
			 strstr(line, "heap free:off"));
}

static bool is_x86(void)
{
	struct utsname name;

	return !uname(&name) && !strcmp(name.machine, "x86_64");
}

static bool none_is_under_way(void *arg)
{
	(void)arg;
	return !stat_now("zeroing");
}

/*
 * Pages zeroed anew; how many of them past the cache.  No more than asked for,
 * whatever earlier tests took, so that nothing is under way when it is read.
 */
static long long zero_some(long long *ret_bypassing)
{
	long long zeroed;

	fix_pools(0);
	/* The last one was begun before. */
	wait_for(none_is_under_way, NULL, 20000);
	zeroed = stat_now("zeroed");
	*ret_bypassing = stat_now("zeroed_bypassing");
	fix_pools(FLOOR);
	wait_for(none_is_under_way, NULL, 20000);
	*ret_bypassing = stat_now("zeroed_bypassing") - *ret_bypassing;
	return stat_now("zeroed") - zeroed;
}

/* As told, where it is of use; the pages read as zeroes in any case. */
static void bypasses_the_cache(void)
{
	long long zeroed, bypassing;
	bool is_known, is_kernels = kernel_zeroes(&is_known);
	const uint64_t *words;
	size_t i, nr = 0;
	char *p;

	EXPECT_EQ(1, read_number(ASHLAR_SYSFS "zeroer/bypass_cache"));
	EXPECT_EQ(0, try_write(ASHLAR_SYSFS "zeroer/bypass_cache", "0"));
	zeroed = zero_some(&bypassing);
	EXPECT(zeroed >= FLOOR, "%lld zeroed", zeroed);
	EXPECT_EQ(0, bypassing);
	EXPECT_EQ(0, try_write(ASHLAR_SYSFS "zeroer/bypass_cache", "1"));
	zeroed = zero_some(&bypassing);
	p = map_region(FLOOR * HUNK);
	words = (const uint64_t *)p;
	for (i = 0; i < FLOOR * HUNK / sizeof(*words); i++)
		nr += words[i] != 0;
	EXPECT_EQ(0, (long long)nr);
	munmap(p, FLOOR * HUNK);
	if (!is_known)
		ktap_skip("the log of the boot is gone");
	else if (is_kernels)
		EXPECT_EQ(0, bypassing);
	else
		EXPECT_EQ(is_x86() ? zeroed : 0, bypassing);
	if (is_kernels)
		ktap_skip("this kernel zeroes by itself (init_on_alloc=1)");
}

static int as_guest(void)
{
	struct ashlar_quota quota = { .size = sizeof(quota) };
	char *p;

	if (unshare(CLONE_NEWUSER))
		return 77;
	/* Not given the device: nothing but an error. */
	if (open(ASHLAR_DEVICE, O_RDWR) >= 0 || errno != EACCES)
		return 1;
	/* Given an open one: it works, and counts for who opened it. */
	p = try_map_region(2 * HUNK);
	if (!p || do_populate(p, HUNK, 0, NULL))
		return 2;
	p[HUNK] = 1;
	if (do_ioctl(ASHLAR_IOC_QUOTA, &quota) ||
	    quota.ret_uid_used < 2 * HUNK)
		return 3;
	return munmap(p, 2 * HUNK) || try_write(ASHLAR_SYSFS "drain", "1") !=
		-EACCES ? 4 : 0;
}

static void user_namespaces(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(setgid(65534) || setuid(65534) ? 5 : as_guest());
	status = wait_child(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		ktap_skip("this kernel has no user namespaces for all");
	else
		EXPECT_EQ(0, status);
}

/* By mode alone, as the kernel made the node: udev sets the group. */
static int opens_as(gid_t member_of)
{
	pid_t pid = fork();

	if (!pid)
		_exit(setgroups(1, &member_of) || setgid(65534) ||
		      setuid(65534) || open(ASHLAR_DEVICE, O_RDWR) < 0);
	return wait_child(pid);
}

static void group(void)
{
	struct stat st;

	EXPECT_EQ(0, stat(ASHLAR_DEVICE, &st));
	EXPECT_EQ(0660, st.st_mode & 07777);
	EXPECT(opens_as(GROUP), "open to all");
	EXPECT_EQ(0, chown(ASHLAR_DEVICE, 0, GROUP));
	EXPECT_EQ(0, opens_as(GROUP));
	EXPECT(opens_as(GROUP + 1), "open to others");
	EXPECT_EQ(0, chown(ASHLAR_DEVICE, st.st_uid, st.st_gid));
}

static void nothing_left(void)
{
	EXPECT(wait_for(balanced, NULL, 5000), "imbalance %lld",
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "rate_is_kept", rate_is_kept },
	{ "priority", priority },
	{ "bypasses_the_cache", bypasses_the_cache },
	{ "group", group },
	{ "user_namespaces", user_namespaces },
	{ "cap_holds_at_once", cap_holds_at_once },
	{ "target_follows_demand", target_follows_demand },
	{ "nothing_left", nothing_left },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	return ktap_main(tests, argc, argv);
}
