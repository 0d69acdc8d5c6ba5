// SPDX-License-Identifier: MIT
/*
 * What the module's operations cost, in instructions, beside anonymous memory
 * and hugetlbfs. For a one-CPU guest under -icount, where a nanosecond is an
 * instruction: make bench-kmod. Elsewhere the numbers are nanoseconds.
 *
 * Prints one line a row: operation, memory, instructions for each hunk (or page
 * where it says so).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "guest.h"

#define NR 24UL
#define PAGE 4096UL
#define NR_WRITTEN 26
#define NR_ROUNDS 5

enum memory { REGION, ANON_THP, ANON_BASE, HUGETLB, NR_MEMORIES };

static const char *const names[] = { "ashlar", "anon THP", "anon 4K",
				     "hugetlbfs" };

/* This thread's: on one CPU the zeroer would count, refilling the pool. */
static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void row(const char *what, enum memory memory, double cost)
{
	printf("%-34s %-10s %12.0f\n", what, names[memory], cost);
}

static char *anon(int advice)
{
	char *p = mmap(NULL, (NR + 1) * HUNK, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p = (char *)(((uintptr_t)p + HUNK - 1) & -HUNK);
	madvise(p, NR * HUNK, advice);
	return p;
}

static char *take(enum memory memory)
{
	char *p;

	switch (memory) {
	case REGION:
		wait_pools(NR + 2);
		return map_region(NR * HUNK);
	case ANON_THP:
		return anon(MADV_HUGEPAGE);
	case ANON_BASE:
		return anon(MADV_NOHUGEPAGE);
	default:
		p = mmap(NULL, NR * HUNK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
		return p == MAP_FAILED ? NULL : p;
	}
}

static double touch_all(char *p, enum memory memory)
{
	size_t step = memory == ANON_BASE ? PAGE : HUNK, i;
	double start = now();

	for (i = 0; i < NR * HUNK; i += step)
		p[i] = 1;
	return (now() - start) / NR;
}

static void touch_hunk(char *p, enum memory memory)
{
	size_t step = memory == ANON_BASE ? PAGE : HUNK, i;

	for (i = 0; i < HUNK; i += step)
		p[i] = 1;
}

static void give_back(char *p, enum memory memory)
{
	if (memory == REGION)
		do_discard(p, HUNK, NULL);
	else
		madvise(p, HUNK, MADV_DONTNEED);
}

/* What reading the clock adds to each of them. */
static double clock_cost(void)
{
	double start = now(), cost = now() - start, again;
	int i;

	for (i = 0; i < 100; i++) {
		start = now();
		again = now() - start;
		cost = again < cost ? again : cost;
	}
	return cost;
}

/* Costs of each hunk in turn go to *costs, which moves on. */
static void each_hunk(char *p, enum memory memory,
		      void (*do_one)(char *, enum memory), double **costs)
{
	double start, clock = clock_cost();
	size_t i;

	for (i = 0; i < NR; i++) {
		start = now();
		do_one(p + i * HUNK, memory);
		*(*costs)++ = now() - start - clock;
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A tick of the clock in one of them is not its own; the rest agrees. */
static double median(double *costs, size_t nr)
{
	qsort(costs, nr, sizeof(*costs), by_size);
	return costs[nr / 2];
}

static void touch_and_discard(enum memory memory)
{
	double first[NR_ROUNDS * NR], gone[NR_ROUNDS * NR];
	double again[NR_ROUNDS * NR];
	double *f = first, *g = gone, *a = again;
	char *p;
	int i;

	for (i = 0; i < NR_ROUNDS; i++) {
		p = take(memory);
		if (!p)
			return;
		each_hunk(p, memory, touch_hunk, &f);
		each_hunk(p, memory, give_back, &g);
		if (memory == REGION)
			wait_pools(NR + 2);
		each_hunk(p, memory, touch_hunk, &a);
		munmap(p, NR * HUNK);
	}
	row("first touch of a hunk", memory, median(first, NR_ROUNDS * NR));
	row("discard of a hunk", memory, median(gone, NR_ROUNDS * NR));
	row("touch again (recycle)", memory, median(again, NR_ROUNDS * NR));
}

static void populate(uint32_t flags, const char *what)
{
	char *p = take(REGION);
	double start = now();

	if (do_populate(p, NR * HUNK, flags, NULL))
		return;
	row(what, REGION, (now() - start) / NR);
	munmap(p, NR * HUNK);
}

static void fold_and_remap(char *p)
{
	struct ashlar_fold fold;
	double start;
	size_t i;

	start = now();
	do_fold(p, NR * HUNK, &fold);
	row("fold, for each page", REGION,
	    (now() - start) / (fold.ret_pages ?: 1));
	start = now();
	for (i = 0; i < NR; i++)
		do_remap(p + i * HUNK, HUNK);
	row("remap of a hunk", REGION, (now() - start) / NR);
	do_unshare(p, NR * HUNK, NULL);
	row("touch after remap", REGION, touch_all(p, REGION));
}

static void fork_and_write(enum memory memory)
{
	char *p = take(memory);
	double start, first, later;
	size_t i, k;
	int fds[2];
	char byte;
	pid_t pid;

	if (!p || pipe(fds))
		return;
	touch_all(p, memory);
	if (memory == ANON_BASE)
		memset(p, 1, NR * HUNK);
	start = now();
	pid = fork();
	if (!pid)
		_exit(read(fds[0], &byte, 1) != 1);
	row("fork, for each hunk", memory, (now() - start) / NR);

	start = now();
	for (i = 0; i < NR; i++)
		p[i * HUNK + 8 * PAGE] = 2;
	first = (now() - start) / NR;
	start = now();
	for (i = 0; i < NR; i++)
		for (k = 1; k < NR_WRITTEN; k++)
			p[i * HUNK + (8 + k * 16) * PAGE] = 2;
	later = (now() - start) / NR / (NR_WRITTEN - 1);
	row("first write in a shared hunk", memory, first);
	row("later writes, for each page", memory, later);
	if (write(fds[1], "x", 1) != 1)
		return;
	wait_child(pid);
	if (memory == REGION)
		fold_and_remap(p);
	close(fds[0]);
	close(fds[1]);
	munmap(p, NR * HUNK);
}

/* What a snapshot costs in copies: a twentieth of the pages, at random. */
static double snapshot_kib(enum memory memory)
{
	unsigned int seed = 5;
	long long bytes;
	char *p = take(memory);
	size_t i;
	long faults;
	pid_t pid;

	memset(p, 1, NR * HUNK);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	bytes = stat_now("cow_bytes");
	faults = nr_minor_faults();
	for (i = 0; i < NR * HUNK / PAGE / 20; i++)
		p[rand_r(&seed) % (NR * HUNK / PAGE) * PAGE] = 2;
	faults = nr_minor_faults() - faults;
	bytes = stat_now("cow_bytes") - bytes;
	kill(pid, SIGKILL);
	wait_child(pid);
	munmap(p, NR * HUNK);
	/* Of base pages of a process's own each such fault copies one. */
	return memory == REGION ? bytes / 1024.0 : faults * (PAGE / 1024.0);
}

static void snapshots(void)
{
	double region = snapshot_kib(REGION), anon = snapshot_kib(ANON_BASE);

	row("KiB copied in a snapshot", REGION, region);
	row("KiB copied in a snapshot", ANON_BASE, anon);
	printf("# ashlar copies %.3f times as much\n", region / anon);
}

/*
 * What it costs to touch a region for the first time: @first, where the kernel also
 * makes tables for it, of pages and of the file, and @worst, the dearest other hunk.
 */
struct touches {
	double first, worst;
	long kib; /* that are huge afterwards */
};

static struct touches touch_each(enum memory memory)
{
	struct touches t = {0};
	char *p = take(memory);
	double start, cost;
	size_t i;

	for (i = 0; i < NR; i++) {
		start = now();
		p[i * HUNK] = 1;
		cost = now() - start;
		if (!i)
			t.first = cost;
		else if (cost > t.worst)
			t.worst = cost;
	}
	t.kib = smaps_kib(p, NR * HUNK, memory == REGION ? "FilePmdMapped" :
							   "AnonHugePages");
	munmap(p, NR * HUNK);
	return t;
}

/*
 * Of several rounds the median, for a tick of the clock in a fault is not the
 * fault's.  @ret_most: the dearest first touch of all.
 */
static struct touches touch_often(enum memory memory, int nr_rounds,
				  const char *state, double *ret_most)
{
	double first[NR_ROUNDS], worst[NR_ROUNDS];
	struct touches t;
	char what[64];
	int i;

	*ret_most = 0;
	for (i = 0; i < nr_rounds; i++) {
		/* The region's last pages are zeroed anew meanwhile. */
		if (memory == REGION)
			wait_pools(NR);
		t = touch_each(memory);
		first[i] = t.first;
		worst[i] = t.worst;
		if (t.first > *ret_most)
			*ret_most = t.first;
	}
	t.first = median(first, nr_rounds);
	t.worst = median(worst, nr_rounds);
	snprintf(what, sizeof(what), "touch of first hunk, %s", state);
	row(what, memory, t.first);
	snprintf(what, sizeof(what), "worst of the others, %s", state);
	row(what, memory, t.worst);
	snprintf(what, sizeof(what), "%% huge, %s", state);
	row(what, memory, t.kib * 100.0 / (NR * HUNK / 1024));
	return t;
}

static void whole_and_fragmented(void)
{
	struct touches whole, pieces;
	double most;

	whole = touch_often(REGION, NR_ROUNDS, "whole", &most);
	touch_often(ANON_THP, NR_ROUNDS, "whole", &most);
	wait_pools(NR + 8);
	fragment(90);
	pieces = touch_often(REGION, NR_ROUNDS, "fragmented", &most);
	printf("# ashlar's worst: fragmented %.2f times whole\n",
	       pieces.worst / whole.worst);
	printf("# and where the kernel makes its tables: %.2f times, at most %.2f\n",
	       pieces.first / whole.first, most / whole.first);
	/* The zeroer takes what the region gave back; the rest is in pieces. */
	sleep(3);
	touch_often(ANON_THP, 1, "fragmented", &most);
	unfragment();
}

int main(void)
{
	enum memory memory;

	setvbuf(stdout, NULL, _IOLBF, 0);
	dev_open();
	set_pools(NR + 4);
	/* Folding is measured by call, not in the background. */
	write_file("/proc/sys/vm/nr_hugepages", "%lu", NR + 2);
	populate(ASHLAR_POPULATE_NOMAP, "populate, not mapped");
	populate(0, "populate, mapped");
	for (memory = 0; memory < NR_MEMORIES; memory++)
		touch_and_discard(memory);
	for (memory = 0; memory < ANON_BASE + 1; memory++)
		fork_and_write(memory);
	snapshots();
	write_file("/proc/sys/vm/nr_hugepages", "0");
	/* Of what went back while fragmented, others take a piece or two. */
	fix_pools(NR + 8);
	whole_and_fragmented();
	return 0;
}
