// SPDX-License-Identifier: MIT
/*
 * The core's per-VMA locks, which let faults run without the mmap lock.
 *
 * Like traps.c: with the module's test build, and each mend left out in turn.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "guest.h"
#include "ktap.h"

/* Bits of "fail" and "traps": see kmod/failpoint.h. */
enum { FAIL_HUGE = 1 << 1 };
enum trap {
	TRAP_FORKLOCK	= 1 << 3,
	TRAP_MAPPAGES	= 1 << 12,
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
 *
 * Without the mend the child then reads what the parent writes later: 8 or 9 of
 * 10 forks leaked on 6.12, without a word from the kernel.  A page freed while
 * mapped so is possible, hence only when asked for, in a guest of its own:
 * ASHLAR_OPEN=1 vmalock fork_locks_all
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

static const struct ktap_test tests[] = {
	{ "fork_locks_all", fork_locks_all },
	{ "faults_under_vma_lock", faults_under_vma_lock },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	int status;

	if (module_unload() || module_load("-test", "")) {
		printf("Bail out! the test build cannot be loaded\n");
		return 4;
	}
	dev_open();
	set_pools(8);
	status = ktap_main(tests, argc, argv);
	close(dev);
	if (module_unload() || module_load("", "")) {
		printf("Bail out! the module cannot be loaded again\n");
		return 4;
	}
	return status;
}
