// SPDX-License-Identifier: MIT
/*
 * Life and death: of processes at any moment, of the device node, of the open
 * file, of the module.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "guest.h"
#include "ktap.h"

static void memory_outlives_the_file(void)
{
	int old = dev;
	char *p;

	dev_open();
	p = map_region(4 * HUNK);
	p[0] = 1;
	close(dev);
	dev = old;
	p[HUNK] = 2;
	EXPECT_EQ(1, p[0]);
	EXPECT_EQ(0, do_discard(p, HUNK, NULL));
	EXPECT_EQ(0, p[0]);
	munmap(p, 4 * HUNK);
}

static void memory_outlives_the_node(void)
{
	struct stat st;
	char *p, *q;

	EXPECT_EQ(0, stat(ASHLAR_DEVICE, &st));
	p = map_region(2 * HUNK);
	p[0] = 1;
	EXPECT_EQ(0, unlink(ASHLAR_DEVICE));
	EXPECT_EQ(-1, open(ASHLAR_DEVICE, O_RDWR));
	p[HUNK] = 2;
	EXPECT_EQ(1, p[0]);
	q = try_map_region(HUNK);
	if (EXPECT(q, "the open file is of no use: %m"))
		munmap(q, HUNK);
	EXPECT_EQ(0, mknod(ASHLAR_DEVICE, st.st_mode, st.st_rdev));
	EXPECT_EQ(0, chmod(ASHLAR_DEVICE, st.st_mode & 07777));
	munmap(p, 2 * HUNK);
}

static bool names_holder(pid_t pid, const char *comm, unsigned long bytes)
{
	unsigned long has, nr_regions, nr_files;
	char line[256], name[64];
	bool found = false;
	int is;
	FILE *file = fopen(ASHLAR_SYSFS "holders", "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%d %lu %lu %lu %63[^\n]", &is, &has,
			   &nr_regions, &nr_files, name) == 5 && is == pid)
			found = !strcmp(name, comm) && has == bytes &&
				nr_regions == 1;
	}
	if (file)
		fclose(file);
	return found;
}

/* After a fork each side is named for what it holds, whoever opened the file. */
static void holders_are_named(void)
{
	char *p = map_region(2 * HUNK), byte;
	int up[2], down[2];
	pid_t pid;

	p[0] = 1;
	EXPECT_EQ(0, pipe(up) || pipe(down));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NAME, "heir of life");
		p[HUNK] = 1;
		close(down[1]);
		_exit(write(up[1], "x", 1) != 1 || read(down[0], &byte, 1));
	}
	close(down[0]);
	EXPECT_EQ(1, read(up[0], &byte, 1));
	EXPECT(names_holder(getpid(), "life", HUNK), "parent not named");
	EXPECT(names_holder(pid, "heir of life", 2 * HUNK), "child not named");
	munmap(p, 2 * HUNK);
	EXPECT(!names_holder(getpid(), "life", HUNK), "still named");
	EXPECT(names_holder(pid, "heir of life", 2 * HUNK), "child not named");
	close(down[1]);
	EXPECT_EQ(0, wait_child(pid));
	EXPECT(!names_holder(pid, "heir of life", 2 * HUNK), "still named");
	close(up[0]);
	close(up[1]);
}

static bool pool_is_empty(void *arg)
{
	(void)arg;
	return !read_number(ASHLAR_SYSFS "node0/pool");
}

static void no_unload_while_mapped(void)
{
	char log[16384] = "", *p;
	int old = dev, len;

	p = map_region(2 * HUNK);
	p[0] = 1;
	close(old);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	write_file(ASHLAR_SYSFS "drain", "1");
	len = klogctl(3, log, sizeof(log) - 1);
	log[len > 0 ? len : 0] = '\0';
	EXPECT(strstr(log, "draining: held by life["),
	       "no holder named in the log");
	EXPECT(strstr(log, "]: 2097152 bytes in 1 regions"),
	       "the log does not say how much");
	/* The page that is just being zeroed comes and goes. */
	EXPECT(wait_for(pool_is_empty, NULL, 5000), "the pool is not empty");
	dev_open();
	EXPECT(!try_map_region(HUNK) && errno == ESHUTDOWN, "%m");
	EXPECT_EQ(-ESHUTDOWN, do_populate(p, 2 * HUNK, 0, NULL));
	p[HUNK] = 2;
	EXPECT_EQ(1, p[0]);
	write_file(ASHLAR_SYSFS "drain", "0");
	munmap(p, 2 * HUNK);
}

static void unload_and_load(void)
{
	int i, err;

	close(dev);
	for (i = 0; i < 3; i++) {
		err = module_unload();
		EXPECT_EQ(0, err);
		EXPECT_EQ(0, module_load("", ""));
	}
	dev_open();
	EXPECT(wait_for(balanced, NULL, 5000), "imbalance %lld",
	       read_number(ASHLAR_SYSFS "imbalance"));
}

/*
 * The last region goes, and the module with it, while the background is at work
 * on what a relative left.
 */
static void unload_while_folding(void)
{
	int round, err;
	pid_t pid;
	char *p;

	close(dev);
	EXPECT_EQ(0, module_unload());
	EXPECT_EQ(0, module_load("-test", "widen=900000"));
	for (round = 0; round < 3; round++) {
		dev_open();
		p = map_region(2 * HUNK);
		p[0] = p[HUNK] = 1;
		pid = fork();
		if (!pid) {
			p[0] = 2;
			_exit(0);
		}
		EXPECT_EQ(0, wait_child(pid));
		/* It starts after 50 ms, and sleeps for 900 at least. */
		usleep(100000 + round * 100000);
		munmap(p, 2 * HUNK);
		close(dev);
		while ((err = module_unload()) == -EWOULDBLOCK)
			usleep(1000);
		EXPECT_EQ(0, err);
		EXPECT_EQ(0, module_load("-test", "widen=900000"));
	}
	EXPECT_EQ(0, module_unload());
	EXPECT_EQ(0, module_load("", ""));
	dev_open();
}

#define NR 16

/* Faults, discards, forks and advice without end. */
static void *storm(void *arg)
{
	unsigned int seed = (uintptr_t)&seed;
	char *p = arg;
	int i;
	pid_t pid;

	for (;;) {
		i = rand_r(&seed) % NR;
		p[i * HUNK + rand_r(&seed) % 512 * 4096] = 1;
		if (!(rand_r(&seed) % 8))
			do_discard(p + rand_r(&seed) % NR * HUNK, HUNK, NULL);
		if (!(rand_r(&seed) % 64))
			madvise(p, NR * HUNK, MADV_DONTNEED);
		if (rand_r(&seed) % 200)
			continue;
		pid = fork();
		if (!pid) {
			for (i = 0; i < NR; i++)
				p[i * HUNK] = 2;
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	return NULL;
}

static void killed_at_any_moment(void)
{
	unsigned int seed = 3;
	pthread_t thread;
	int round, i;
	pid_t pid;

	for (round = 0; round < 12; round++) {
		pid = fork();
		if (!pid) {
			char *p = map_region(NR * HUNK);

			setpgid(0, 0);
			do_cow(p, round % 3);
			for (i = 0; i < 3; i++)
				pthread_create(&thread, NULL, storm, p);
			storm(p);
		}
		setpgid(pid, pid);
		usleep(20000 + rand_r(&seed) % 100000);
		kill(-pid, SIGKILL);
		wait_child(pid);
	}
	EXPECT(wait_for(balanced, NULL, 10000),
	       "mapped %lld parked %lld small %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static void exec_lets_go(void)
{
	pid_t pid = fork();

	if (!pid) {
		char *p = map_region(8 * HUNK);

		memset(p, 1, 8 * HUNK);
		execl("/bin/true", "true", NULL);
		_exit(9);
	}
	EXPECT_EQ(0, wait_child(pid));
	EXPECT(wait_for(balanced, NULL, 10000), "%lld mapped",
	       stat_now("mapped"));
}

static const struct ktap_test tests[] = {
	{ "memory_outlives_the_file", memory_outlives_the_file },
	{ "memory_outlives_the_node", memory_outlives_the_node },
	{ "exec_lets_go", exec_lets_go },
	{ "unload_while_folding", unload_while_folding },
	{ "killed_at_any_moment", killed_at_any_moment },
	{ "holders_are_named", holders_are_named },
	{ "no_unload_while_mapped", no_unload_while_mapped },
	{ "unload_and_load", unload_and_load },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	return ktap_main(tests, argc, argv);
}
