// SPDX-License-Identifier: MIT
/*
 * After the child is gone: the copies fold back, the mapping is huge again, and
 * fork's special treatment ends.
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
#include <sys/wait.h>

#include "guest.h"
#include "ktap.h"

#define PAGE 4096UL
#define NR 16UL
#define NR_PAGES (NR * HUNK / PAGE)

static char *mem;
static uint32_t *want;

static volatile uint32_t *word(size_t page)
{
	return (volatile uint32_t *)(mem + page * PAGE + 8);
}

static size_t nr_wrong(void)
{
	size_t page, nr = 0;

	for (page = 0; page < NR_PAGES; page++)
		nr += *word(page) != want[page];
	return nr;
}

static void setup(void)
{
	size_t page;

	set_pools(NR + 4);
	mem = map_region(NR * HUNK);
	want = calloc(NR_PAGES, sizeof(*want));
	for (page = 0; page < NR_PAGES; page++)
		*word(page) = want[page] = page + 1;
}

static void teardown(void)
{
	munmap(mem, NR * HUNK);
	free(want);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_child(pid);
}

/* A twentieth of the pages, as a snapshot under writes. */
static void write_some(void)
{
	unsigned int seed = 5;
	size_t i, page;

	for (i = 0; i < NR_PAGES / 20; i++) {
		page = rand_r(&seed) % NR_PAGES;
		*word(page) = want[page] = rand_r(&seed);
	}
}

static bool no_small_left(void *arg)
{
	(void)arg;
	return !stat_now("small");
}

static void folds_by_itself(void)
{
	long long pages, copied;
	pid_t pid;

	setup();
	pid = sleeper();
	copied = stat_now("cow_base");
	pages = stat_now("fold_pages");
	write_some();
	copied = stat_now("cow_base") - copied;
	EXPECT(copied > 0, "no base page copied");
	EXPECT_EQ(0, (long)nr_wrong());
	end(pid);
	EXPECT(wait_for(no_small_left, NULL, 10000), "%lld base pages left",
	       stat_now("small"));
	EXPECT_EQ(copied, stat_now("fold_pages") - pages);
	EXPECT_EQ(0, (long)nr_wrong());
	teardown();
}

static void huge_again_by_ticket(void)
{
	long kib = NR * HUNK / 1024;
	struct ashlar_fold fold;
	uint64_t nr_shared;
	size_t i;
	pid_t pid;

	setup();
	EXPECT_EQ(kib, smaps_kib(mem, NR * HUNK, "FilePmdMapped"));
	pid = sleeper();
	write_some();
	EXPECT_EQ(-EBUSY, do_unshare(mem, NR * HUNK, &nr_shared));
	EXPECT_EQ(NR, (long)nr_shared);
	end(pid);
	for (i = 0; i < 100 && stat_now("small"); i++) {
		EXPECT_EQ(0, do_fold(mem, NR * HUNK, &fold));
		usleep(10000);
	}
	EXPECT_EQ(0, do_remap(mem, NR * HUNK));
	EXPECT_EQ(1, nr_vmas(mem, NR * HUNK));
	EXPECT_EQ(0, do_unshare(mem, NR * HUNK, &nr_shared));
	EXPECT_EQ(0, (long)nr_wrong());
	EXPECT_EQ(kib, smaps_kib(mem, NR * HUNK, "FilePmdMapped"));
	write_some();
	EXPECT_EQ(0, (long)nr_wrong());
	teardown();
}

static long ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 +
	       (now.tv_nsec - start->tv_nsec) / 1000000;
}

/* Pages that the CPUs still hold in batches stay for the next call. */
static void fold_all(void)
{
	struct ashlar_fold fold;
	int i;

	for (i = 0; i < 1000 && stat_now("small"); i++) {
		EXPECT_EQ(0, do_fold(mem, NR * HUNK, &fold));
		usleep(1000);
	}
	EXPECT_EQ(0, stat_now("small"));
}

/*
 * The whole way back, counted: what fork's writes copied is what is copied back,
 * page for page, and then all is huge. Half of the hunks are written, in a number
 * of pages that grows from hunk to hunk, some of them twice.
 */
static void copies_what_was_written(void)
{
	long long base = stat_now("cow_base"), huge = stat_now("cow_huge");
	long kib = NR * HUNK / 1024, nr_pages = 0;
	struct timespec start;
	size_t hunk, i, page;
	pid_t pid;

	setup();
	pid = sleeper();
	for (hunk = 0; hunk < NR; hunk += 2)
		for (i = 0; i < 1 + hunk * hunk; i++, nr_pages++) {
			page = hunk * HUNK / PAGE + i * 2;
			*word(page) = want[page] = i;
			*word(page) = ++want[page];
		}
	EXPECT_EQ(nr_pages, stat_now("cow_base") - base);
	EXPECT_EQ(huge, stat_now("cow_huge"));
	EXPECT_EQ(nr_pages, stat_now("small"));
	base = stat_now("fold_pages");
	end(pid);
	clock_gettime(CLOCK_MONOTONIC, &start);
	fold_all();
	for (hunk = 0; hunk < NR; hunk++)
		EXPECT_EQ(0, do_remap(mem + hunk * HUNK, HUNK));
	EXPECT_EQ(0, (long)nr_wrong());
	printf("# all of %ld KiB huge again in %ld ms, %ld KiB copied back\n",
	       kib, ms_since(&start), nr_pages * (long)PAGE / 1024);
	/* By whichever came first, the calls or the background. */
	EXPECT_EQ(nr_pages, stat_now("fold_pages") - base);
	EXPECT_EQ(kib, smaps_kib(mem, NR * HUNK, "FilePmdMapped"));
	teardown();
}

static void ticket_by_the_hunk(void)
{
	struct ashlar_hunk hunks[NR];
	struct ashlar_fold fold;
	size_t i;
	pid_t pid;

	setup();
	pid = sleeper();
	write_some();
	end(pid);
	for (i = 0; i < 100 && stat_now("small"); i++) {
		do_fold(mem, NR * HUNK, &fold);
		usleep(10000);
	}
	EXPECT_EQ(0, do_query(mem, NR, hunks));
	EXPECT_EQ(ASHLAR_HUNK_HUGE | ASHLAR_HUNK_PTE,
		  hunks[3].flags & ~ASHLAR_HUNK_REMOTE);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(0, do_remap(mem + i * HUNK, HUNK));
	EXPECT_EQ(1, nr_vmas(mem, NR * HUNK));
	EXPECT_EQ(0, do_query(mem, NR, hunks));
	EXPECT_EQ(ASHLAR_HUNK_HUGE, hunks[3].flags & ~ASHLAR_HUNK_REMOTE);
	EXPECT_EQ(0, (long)nr_wrong());
	EXPECT_EQ((long)(NR * HUNK / 1024),
		  smaps_kib(mem, NR * HUNK, "FilePmdMapped"));
	teardown();
}

static void no_mremap_without_ticket(void)
{
	char *to;

	setup();
	to = mmap(NULL, 4 * HUNK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	to = (char *)(((uintptr_t)to + HUNK - 1) & -HUNK);
	EXPECT(mremap(mem, HUNK, HUNK, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
		       MAP_FAILED, "moved");
	EXPECT(mremap(mem, HUNK, HUNK, MREMAP_MAYMOVE | MREMAP_FIXED | 4,
		      to) == MAP_FAILED, "moved with DONTUNMAP");
	EXPECT(mremap(mem, NR * HUNK, 2 * NR * HUNK, MREMAP_MAYMOVE) ==
		       MAP_FAILED, "grown");
	EXPECT_EQ(0, (long)nr_wrong());
	teardown();
}

/* A range of free addresses, the first a hunk's. */
static char *free_range(size_t len)
{
	char *p = mmap(NULL, len + HUNK, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p, len + HUNK);
	return (char *)(((uintptr_t)p + HUNK - 1) & -HUNK);
}

/*
 * Between ticket and mremap() nothing keeps some kernels from growing the VMA in
 * place. What it covers then besides is no part of the region.
 */
static void growth_is_no_part(void)
{
	struct ashlar_ticket ticket = { .size = sizeof(ticket) };
	struct ashlar_hunk hunks[4];
	char *p = free_range(4 * HUNK);

	EXPECT_EQ((long)p, (long)mmap(p, 2 * HUNK, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_FIXED, dev, 0));
	p[0] = p[HUNK] = 1;
	ticket.addr = (uintptr_t)p;
	ticket.len = 2 * HUNK;
	EXPECT_EQ(0, do_ioctl(ASHLAR_IOC_TICKET, &ticket));
	if (mremap(p, 2 * HUNK, 4 * HUNK, 0) != p)
		printf("# this kernel does not grow it: %m\n");
	EXPECT_EQ(-EFAULT, do_query(p, 4, hunks));
	EXPECT_EQ(-EFAULT, do_query(p + 2 * HUNK, 1, hunks));
	EXPECT_EQ(-EFAULT, do_discard(p, 4 * HUNK, NULL));
	EXPECT_EQ(-EFAULT, do_populate(p + 2 * HUNK, HUNK, 0, NULL));
	ticket.len = 4 * HUNK;
	EXPECT_EQ(-EFAULT, do_ioctl(ASHLAR_IOC_TICKET, &ticket));
	EXPECT(touch_signal(p + 3 * HUNK, true), "memory beyond the region");
	EXPECT_EQ(1, p[HUNK]);
	EXPECT_EQ(0, do_query(p, 2, hunks));
	munmap(p, 4 * HUNK);
}

static void fold_leaves_what_is_shared(void)
{
	struct ashlar_fold fold;
	pid_t pid;

	setup();
	pid = sleeper();
	write_some();
	EXPECT_EQ(0, do_fold(mem, NR * HUNK, &fold));
	EXPECT_EQ(0, (long)fold.ret_folded);
	EXPECT_EQ(NR, (long)fold.ret_shared);
	end(pid);
	EXPECT_EQ(0, (long)nr_wrong());
	teardown();
}

static atomic_bool stop;
static atomic_int nr_stale;

static void *worker(void *arg)
{
	unsigned int id = (uintptr_t)arg, seed = id;
	uint32_t mine = 0;
	size_t page;

	/* Each worker owns the pages that are its number modulo 3. */
	while (!stop) {
		page = rand_r(&seed) % (NR_PAGES / 3) * 3 + id;
		if (page >= NR_PAGES)
			continue;
		if (*word(page) != want[page])
			nr_stale++;
		*word(page) = want[page] = ++mine;
	}
	return NULL;
}

static void child_checks(void)
{
	unsigned int seed = getpid();
	int i, nr_bad = 0;
	size_t page;

	for (i = 0; i < 300; i++) {
		page = rand_r(&seed) % NR_PAGES;
		uint32_t value = *word(page);

		usleep(i % 50 ? 0 : 100);
		nr_bad += *word(page) != value;
		*word(page) = 0xdead;
	}
	_exit(nr_bad != 0);
}

/* Fold, remap, unshare and fork while three threads write. */
static void under_writers(void)
{
	struct ashlar_fold fold;
	pthread_t thread[3];
	uintptr_t i;
	int round;
	pid_t pid;

	setup();
	stop = false;
	for (i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, worker, (void *)i);
	for (round = 0; round < 8; round++) {
		pid = fork();
		if (!pid)
			child_checks();
		usleep(1000);
		do_fold(mem, NR * HUNK, &fold);
		EXPECT_EQ(0, do_remap(mem, NR * HUNK));
		EXPECT_EQ(0, wait_child(pid));
		do_fold(mem, NR * HUNK, &fold);
		EXPECT_EQ(0, do_remap(mem + round % NR * HUNK, HUNK));
		if (round % 5 == 4)
			do_unshare(mem, NR * HUNK, NULL);
	}
	stop = true;
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	EXPECT_EQ(0, nr_stale);
	EXPECT_EQ(0, (long)nr_wrong());
	teardown();
}

static void nothing_left(void)
{
	EXPECT(wait_for(balanced, NULL, 5000),
	       "mapped %lld parked %lld small %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "folds_by_itself", folds_by_itself },
	{ "huge_again_by_ticket", huge_again_by_ticket },
	{ "copies_what_was_written", copies_what_was_written },
	{ "ticket_by_the_hunk", ticket_by_the_hunk },
	{ "no_mremap_without_ticket", no_mremap_without_ticket },
	{ "growth_is_no_part", growth_is_no_part },
	{ "fold_leaves_what_is_shared", fold_leaves_what_is_shared },
	{ "under_writers", under_writers },
	{ "nothing_left", nothing_left },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	return ktap_main(tests, argc, argv);
}
