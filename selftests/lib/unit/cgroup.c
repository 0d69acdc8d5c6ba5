// SPDX-License-Identifier: MIT
/*
 * cgroup.c - which memory cgroup a process is in and what its limit is, by
 * trees of files made up here: both versions, a hybrid of them, containers that
 * see a part of the hierarchy, limits of ancestors, files missing or odd.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <sys/stat.h>

#include "os/cgroup.h"
#include "os/shortage.h"

#define MIB (1ul << 20)

static char root[64];

/* A file below the root, its directories made on the way. */
static void put(const char *path, const char *text)
{
	char full[512];
	FILE *f;
	size_t i;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (i = strlen(root) + 1; full[i]; i++) {
		if (full[i] != '/')
			continue;
		full[i] = '\0';
		EXPECT(!mkdir(full, 0700) || errno == EEXIST, "%s: errno %d",
		       full, errno);
		full[i] = '/';
	}
	f = fopen(full, "w");
	if (!EXPECT(f, "%s: errno %d", full, errno))
		return;
	fputs(text, f);
	fclose(f);
}

static void start(const char *cgroup, const char *mountinfo)
{
	strcpy(root, "/tmp/ashlar-cgroup-XXXXXX");
	EXPECT(mkdtemp(root), "errno %d", errno);
	put("/proc/self/cgroup", cgroup);
	put("/proc/self/mountinfo", mountinfo);
}

static void expect_limit(size_t want)
{
	size_t saw = os_cgroup_limit(root);

	EXPECT(saw == want, "%zu, wanted %zu", saw, want);
}

static void finish(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -r %s", root);
	EXPECT(!system(cmd), "%s", cmd);
}

#define V2_MOUNT                                                               \
	"22 1 0:20 / /proc rw - proc proc rw\n"                                \
	"30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
#define V1_MOUNTS                                                              \
	"31 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"          \
	"32 25 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"

static void version_2(void)
{
	start("0::/a/b\n", V2_MOUNT);
	put("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
	put("/sys/fs/cgroup/a/b/memory.max", "max\n");
	expect_limit(SIZE_MAX);
	put("/sys/fs/cgroup/a/b/memory.max", "104857600\n");
	expect_limit(100 * MIB);
	/* A limit above is a limit. */
	put("/sys/fs/cgroup/a/memory.max", "52428800\n");
	expect_limit(50 * MIB);
	put("/sys/fs/cgroup/a/b/memory.max", "1048576\n");
	expect_limit(1 * MIB);
	finish();
}

static void version_1(void)
{
	struct os_cgroup c;

	start("9:cpu:/x\n4:hugetlb,memory:/m/n\n", V1_MOUNTS);
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes",
	    "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "209715200\n");
	put("/sys/fs/cgroup/memory/m/n/memory.limit_in_bytes",
	    "9223372036854771712\n");
	expect_limit(200 * MIB);
	EXPECT_EQ(0, os_cgroup_find(root, &c));
	EXPECT(!c.is_v2 && strstr(c.dir, "/memory/m/n"), "%s", c.dir);
	finish();
}

/* The unified hierarchy is there, but memory is not its business. */
static void hybrid(void)
{
	start("4:memory:/m\n0::/u\n", V2_MOUNT V1_MOUNTS);
	put("/sys/fs/cgroup/cgroup.controllers", "\n");
	put("/sys/fs/cgroup/u/memory.max", "1000\n");
	put("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "3145728\n");
	expect_limit(3 * MIB);
	put("/sys/fs/cgroup/cgroup.controllers", "io memorypressure\n");
	expect_limit(3 * MIB);
	finish();
}

/* A container sees its own cgroup as the root of the mount. */
static void containers(void)
{
	start("4:memory:/docker/0123\n",
	      "32 25 0:28 /docker/0123 /sys/fs/cgroup/memory ro - cgroup "
	      "cgroup rw,memory\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "7340032\n");
	expect_limit(7 * MIB);
	/* A name that only starts like the root is another cgroup. */
	put("/proc/self/cgroup", "4:memory:/docker/01234/x\n");
	put("/sys/fs/cgroup/memory4/x/memory.limit_in_bytes", "1\n");
	expect_limit(7 * MIB);
	put("/proc/self/cgroup", "4:memory:/docker/0123/in\n");
	put("/sys/fs/cgroup/memory/in/memory.limit_in_bytes", "1048576\n");
	expect_limit(1 * MIB);
	finish();
}

/* Outside of the namespace's root: only the mount itself can be read. */
static void outside_of_namespace(void)
{
	start("0::/../sibling\n", V2_MOUNT);
	put("/sys/fs/cgroup/cgroup.controllers", "memory\n");
	put("/sys/fs/cgroup/memory.max", "2097152\n");
	put("/sys/fs/sibling/memory.max", "1\n");
	expect_limit(2 * MIB);
	finish();
}

static void nothing_there(void)
{
	struct os_cgroup c;

	start("", "");
	expect_limit(SIZE_MAX);
	EXPECT_EQ(-ENOENT, os_cgroup_find(root, &c));
	put("/proc/self/cgroup", "no colon\n:\n::\n1:memory\n0::/a\n");
	put("/proc/self/mountinfo", "\n- \n - cgroup2 x y\nshort - \n"
				    "1 2 3 4 - cgroup2\n");
	expect_limit(SIZE_MAX);
	finish();
	strcpy(root, "/nonexistent");
	expect_limit(SIZE_MAX);
	EXPECT(os_cgroup_find(root, &c) < 0, "found");
}

static void odd_values(void)
{
	start("0::/\n", V2_MOUNT);
	put("/sys/fs/cgroup/cgroup.controllers", "memory\n");
	put("/sys/fs/cgroup/memory.max", "");
	expect_limit(SIZE_MAX);
	put("/sys/fs/cgroup/memory.max", "99999999999999999999999999\n");
	expect_limit(SIZE_MAX);
	put("/sys/fs/cgroup/memory.max", "-5\n");
	expect_limit(SIZE_MAX);
	put("/sys/fs/cgroup/memory.max", "0\n");
	expect_limit(0);
	finish();
}

/* Names as long as the kernel allows do not fit, and are no limit. */
static void long_names(void)
{
	char line[4096];

	memset(line, 'x', sizeof(line));
	memcpy(line, "0::/", 4);
	strcpy(line + sizeof(line) - 2, "\n");
	start(line, V2_MOUNT);
	put("/sys/fs/cgroup/cgroup.controllers", "memory\n");
	expect_limit(SIZE_MAX);
	finish();
}

/* Far more mounts than the buffer holds, the one that matters last. */
static void many_mounts(void)
{
	static char text[1 << 18];
	size_t len = 0;
	int i;

	for (i = 0; i < 2000; i++)
		len += (size_t)sprintf(text + len,
				       "%d 1 0:%d / /mnt/some/where/%d rw - "
				       "ext4 /dev/x rw\n", i, i, i);
	strcpy(text + len, V2_MOUNT);
	start("0::/\n", text);
	put("/sys/fs/cgroup/cgroup.controllers", "memory\n");
	put("/sys/fs/cgroup/memory.max", "4194304\n");
	expect_limit(4 * MIB);
	finish();
}

static void put_meminfo(unsigned long total, unsigned long available)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "MemTotal:  %8lu kB\nMemFree:  12 kB\nMemAvailable: %lu kB\n",
		 total, available);
	put("/proc/meminfo", text);
}

/* Of the machine a quarter must be left, of each cgroup's limit an eighth. */
static void shortage(void)
{
	start("0::/a/b\n", V2_MOUNT);
	put("/sys/fs/cgroup/cgroup.controllers", "memory\n");
	EXPECT(os_memory_is_short(root), "nobody said that it is not");
	put_meminfo(8000000, 2100000);
	EXPECT(!os_memory_is_short(root), "a quarter is left");
	put_meminfo(8000000, 1900000);
	EXPECT(os_memory_is_short(root), "less than a quarter is left");
	put_meminfo(8000000, 7000000);
	put("/sys/fs/cgroup/a/b/memory.max", "max\n");
	put("/sys/fs/cgroup/a/b/memory.current", "900000\n");
	EXPECT(!os_memory_is_short(root), "no limit");
	put("/sys/fs/cgroup/a/memory.max", "1000000\n");
	put("/sys/fs/cgroup/a/memory.current", "870000\n");
	EXPECT(!os_memory_is_short(root), "13 of 100 left above");
	put("/sys/fs/cgroup/a/memory.current", "880000\n");
	EXPECT(os_memory_is_short(root), "12 of 100 left above");
	put("/sys/fs/cgroup/a/memory.max", "max\n");
	EXPECT(!os_memory_is_short(root), "no limit any more");
	put("/sys/fs/cgroup/a/b/memory.high", "1000000\n");
	EXPECT(os_memory_is_short(root), "memory.high is near");
	finish();
	start("4:memory:/m\n", V1_MOUNTS);
	put_meminfo(8000000, 7000000);
	put("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "1000000\n");
	put("/sys/fs/cgroup/memory/m/memory.usage_in_bytes", "500000\n");
	EXPECT(!os_memory_is_short(root), "half is left");
	put("/sys/fs/cgroup/memory/m/memory.usage_in_bytes", "999000\n");
	EXPECT(os_memory_is_short(root), "it is full");
	finish();
}

static void machine(void)
{
	EXPECT(os_memory_total() > 16 * MIB && os_memory_total() < 1ul << 50,
	       "%zu bytes", os_memory_total());
	/* Whatever this machine says, it must be said without a crash. */
	printf("# limit here: %zu\n", os_cgroup_limit(""));
}

static const struct ktap_test tests[] = {
	{"version_2", version_2},
	{"version_1", version_1},
	{"hybrid", hybrid},
	{"containers", containers},
	{"outside_of_namespace", outside_of_namespace},
	{"nothing_there", nothing_there},
	{"odd_values", odd_values},
	{"long_names", long_names},
	{"many_mounts", many_mounts},
	{"shortage", shortage},
	{"machine", machine},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
