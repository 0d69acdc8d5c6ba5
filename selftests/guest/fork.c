// SPDX-License-Identifier: MIT
/*
 * fork(): memory of a region must behave as private anonymous memory does,
 * in spite of MAP_SHARED.
 */
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "guest.h"
#include "ktap.h"

#define PAGE 4096UL
#define NR_HUNKS 6UL
#define NR_PAGES (NR_HUNKS * HUNK / PAGE)

/* The memory, and what each page must hold: a private copy in each process. */
static char *mem;
static uint32_t *want;

static volatile uint32_t *word(size_t page, size_t off)
{
	return (volatile uint32_t *)(mem + page * PAGE + off);
}

static void scribble(unsigned int *seed, int nr)
{
	size_t page;

	while (nr--) {
		page = rand_r(seed) % NR_PAGES;
		want[page] = rand_r(seed);
		*word(page, 16) = *word(page, PAGE - 4) = want[page];
	}
}

static void verify(const char *when)
{
	size_t page, nr_bad = 0;

	for (page = 0; page < NR_PAGES; page++)
		if (*word(page, 16) != want[page] ||
		    *word(page, PAGE - 4) != want[page])
			nr_bad++;
	EXPECT(!nr_bad, "%zu of %lu pages wrong %s", nr_bad, NR_PAGES, when);
}

static void reap(pid_t pid, const char *who)
{
	int status = wait_child(pid);

	EXPECT(!status, "%s ended with status %#x", who, status);
}

static void family(int depth, unsigned int seed)
{
	pid_t child[3];
	int i, nr = depth ? 2 : 0;

	for (i = 0; i < nr; i++) {
		scribble(&seed, 50);
		child[i] = fork();
		if (!child[i]) {
			ktap_nr_failures = 0;
			seed ^= (i + 1) * 7919;
			verify("at birth");
			scribble(&seed, 100);
			family(depth - 1, seed);
			verify("before exit");
			_exit(ktap_child_status());
		}
		scribble(&seed, 80);
	}
	verify("while children live");
	for (i = 0; i < nr; i++)
		reap(child[i], "child");
	scribble(&seed, 200);
	verify("after the children");
}

static void with_policy(enum ashlar_cow cow)
{
	unsigned int seed = 42;

	mem = map_region(NR_HUNKS * HUNK);
	want = calloc(NR_PAGES, sizeof(*want));
	EXPECT_EQ(0, do_cow(mem, cow));
	scribble(&seed, 300);
	family(3, seed);
	munmap(mem, NR_HUNKS * HUNK);
	free(want);
}

static void three_generations(void)
{
	with_policy(ASHLAR_COW_AUTO);
}

static void three_generations_huge(void)
{
	with_policy(ASHLAR_COW_HUGE);
}

static atomic_bool stop;
static _Atomic uint32_t *mirror;

/* Writes the mirror first: a snapshot is at most one write behind. */
static void *writer(void *arg)
{
	unsigned int id = (uintptr_t)arg, seed = id + 1;
	uint32_t value;
	size_t page;

	while (!stop) {
		page = rand_r(&seed) % (NR_PAGES / 4) * 4 + id;
		value = mirror[page] + 1;
		mirror[page] = value;
		*word(page, 32) = value;
	}
	return NULL;
}

static int snapshot_is_bad(void)
{
	uint32_t value, seen;
	size_t page;
	int pass, nr_bad = 0;

	for (pass = 0; pass < 2; pass++)
		for (page = 0; page < NR_PAGES; page++) {
			value = *word(page, 32);
			seen = mirror[page];
			nr_bad += value != seen && value + 1 != seen;
		}
	for (page = 0; page < NR_PAGES; page += 7)
		*word(page, 32) = 0xdead;
	return nr_bad != 0;
}

static void writers_running(void)
{
	pthread_t thread[4];
	size_t page, nr_bad = 0;
	uintptr_t i;
	pid_t pid;

	mem = map_region(NR_HUNKS * HUNK);
	mirror = mmap(NULL, NR_PAGES * sizeof(*mirror), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stop = false;
	for (i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, writer, (void *)i);
	for (i = 0; i < 12; i++) {
		usleep(5000);
		do_cow(mem, i % 4 == 3 ? ASHLAR_COW_HUGE : ASHLAR_COW_BASE);
		pid = fork();
		if (!pid)
			_exit(snapshot_is_bad());
		reap(pid, "snapshot");
	}
	stop = true;
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (page = 0; page < NR_PAGES; page++)
		nr_bad += *word(page, 32) != mirror[page];
	EXPECT_EQ(0, (long)nr_bad);
	munmap(mem, NR_HUNKS * HUNK);
	munmap((void *)mirror, NR_PAGES * sizeof(*mirror));
}

static bool all_are(char value)
{
	size_t i;

	for (i = 0; i < NR_HUNKS * HUNK; i += 512)
		if (mem[i] != value)
			return false;
	return true;
}

static void parent_exits_first(void)
{
	char answer = 'n';
	int fds[2];
	pid_t pid;

	mem = map_region(NR_HUNKS * HUNK);
	EXPECT_EQ(0, pipe(fds));
	pid = fork();
	if (!pid) {
		memset(mem, 'P', NR_HUNKS * HUNK);
		if (fork())
			_exit(0);
		usleep(200000);
		answer = all_are('P') ? 'y' : 'n';
		memset(mem, 'G', NR_HUNKS * HUNK);
		if (!all_are('G'))
			answer = 'n';
		_exit(write(fds[1], &answer, 1) != 1);
	}
	reap(pid, "middle");
	EXPECT_EQ(1, (int)read(fds[0], &answer, 1));
	EXPECT(answer == 'y', "the orphan saw other memory");
	EXPECT(all_are(0), "the child's writes reached the parent");
	close(fds[0]);
	close(fds[1]);
	munmap(mem, NR_HUNKS * HUNK);
}

static bool is_guard(size_t page)
{
	return page == HUNK / PAGE + 2;
}

static bool is_readonly(size_t page)
{
	return page == 2 * HUNK / PAGE + 2 || page == 2 * HUNK / PAGE + 3;
}

static bool pages_are(char value, char readonly_value)
{
	size_t page;

	for (page = 0; page < NR_PAGES; page++)
		if (!is_guard(page) &&
		    mem[page * PAGE] !=
			    (is_readonly(page) ? readonly_value : value))
			return false;
	return true;
}

static void pages_set(char value)
{
	size_t page;

	for (page = 0; page < NR_PAGES; page++)
		if (!is_guard(page) && !is_readonly(page))
			mem[page * PAGE] = value;
}

/* mprotect() splits the VMA: the fork sees several of one region. */
static void split_by_mprotect(void)
{
	pid_t pid;

	mem = map_region(NR_HUNKS * HUNK);
	memset(mem, 'a', NR_HUNKS * HUNK);
	EXPECT_EQ(0, mprotect(mem + HUNK + 2 * PAGE, PAGE, PROT_NONE));
	EXPECT_EQ(0, mprotect(mem + 2 * HUNK + 2 * PAGE, 2 * PAGE, PROT_READ));
	pid = fork();
	if (!pid) {
		bool is_good = pages_are('a', 'a');

		pages_set('c');
		usleep(100000);
		_exit(!is_good || !pages_are('c', 'a'));
	}
	usleep(20000);
	EXPECT(pages_are('a', 'a'), "the child's writes reached the parent");
	pages_set('p');
	reap(pid, "child");
	EXPECT(pages_are('p', 'a'), "the parent's writes were lost");
	EXPECT_EQ(0, mprotect(mem, NR_HUNKS * HUNK, PROT_READ | PROT_WRITE));
	EXPECT_EQ('a', mem[HUNK + 2 * PAGE]);
	munmap(mem, NR_HUNKS * HUNK);
}

static void mprotect_keeps_cow(void)
{
	pid_t pid;

	mem = map_region(NR_HUNKS * HUNK);
	memset(mem, 'a', NR_HUNKS * HUNK);
	pid = fork();
	if (!pid) {
		bool is_good = all_are('a');

		mprotect(mem, NR_HUNKS * HUNK, PROT_READ);
		is_good &= all_are('a');
		mprotect(mem, NR_HUNKS * HUNK, PROT_READ | PROT_WRITE);
		memset(mem, 'c', NR_HUNKS * HUNK);
		_exit(!is_good);
	}
	reap(pid, "child");
	EXPECT(all_are('a'), "the child's writes reached the parent");
	munmap(mem, NR_HUNKS * HUNK);
}

static void vfork_shares(void)
{
	long long shared = stat_now("fork_shared");
	char *args[] = { (char *)"/bin/true", NULL };
	pid_t pid;

	mem = map_region(HUNK);
	mem[0] = 1;
	pid = vfork();
	if (!pid) {
		*(volatile char *)mem = 77;
		_exit(0);
	}
	reap(pid, "vfork child");
	EXPECT_EQ(77, mem[0]);
	EXPECT_EQ(0, posix_spawn(&pid, args[0], NULL, NULL, args, NULL));
	reap(pid, "spawned");
	EXPECT_EQ(shared, stat_now("fork_shared"));
	munmap(mem, HUNK);
}

/* Copies only what was written: the price of a snapshot. */
static void copies_only_what_is_written(void)
{
	long long copied, huge;
	int fds[2], i;
	char byte;
	pid_t pid;

	mem = map_region(NR_HUNKS * HUNK);
	memset(mem, 'a', NR_HUNKS * HUNK);
	EXPECT_EQ(0, pipe(fds));
	pid = fork();
	if (!pid)
		_exit(read(fds[0], &byte, 1) != 1);
	copied = stat_now("cow_base");
	huge = stat_now("cow_huge");
	for (i = 0; i < 100; i++)
		mem[i * 7 * PAGE] = 'p';
	EXPECT_EQ(copied + 100, stat_now("cow_base"));
	EXPECT_EQ(huge, stat_now("cow_huge"));
	EXPECT_EQ(1, (int)write(fds[1], "x", 1));
	reap(pid, "child");
	close(fds[0]);
	close(fds[1]);
	munmap(mem, NR_HUNKS * HUNK);
}

static void nothing_left(void)
{
	EXPECT(wait_for(balanced, NULL, 5000),
	       "mapped %lld parked %lld small %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "three_generations", three_generations },
	{ "three_generations_huge", three_generations_huge },
	{ "writers_running", writers_running },
	{ "parent_exits_first", parent_exits_first },
	{ "split_by_mprotect", split_by_mprotect },
	{ "mprotect_keeps_cow", mprotect_keeps_cow },
	{ "vfork_shares", vfork_shares },
	{ "copies_only_what_is_written", copies_only_what_is_written },
	{ "nothing_left", nothing_left },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	return ktap_main(tests, argc, argv);
}
