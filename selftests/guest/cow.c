// SPDX-License-Identifier: MIT
/*
 * What is copied on a write after a fork: base pages, or the whole hunk when the
 * writes turn out dense. Counted in bytes.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "guest.h"
#include "ktap.h"

#define NR 4
#define PAGE 4096UL
#define NR_PAGES (HUNK / PAGE)
#define RUN 64			/* as kmod/cow.c's RUN_NR */

/**
 * struct pair - a region shared with a child that waits
 * @p: the region: page n of hunk i holds i + n
 * @pid: the child
 * @go: the child looks at its side and ends once this is closed
 */
struct pair {
	unsigned char *p;
	pid_t pid;
	int go;
};

static unsigned char value(size_t page)
{
	return page / NR_PAGES + page % NR_PAGES;
}

/* Whether [0, nr) pages are as they were. */
static bool is_old(const unsigned char *p, size_t nr)
{
	size_t page;

	for (page = 0; page < nr; page++)
		if (p[page * PAGE] != value(page))
			return false;
	return true;
}

static struct pair share(enum ashlar_cow cow)
{
	struct pair pair;
	int fds[2];
	size_t page;
	char byte;

	wait_pools(NR + 2);
	pair.p = (unsigned char *)map_region(NR * HUNK);
	EXPECT_EQ(0, do_cow(pair.p, cow));
	for (page = 0; page < NR * NR_PAGES; page++)
		pair.p[page * PAGE] = value(page);
	EXPECT_EQ(0, pipe(fds));
	wait_pools(NR + 2);
	pair.pid = fork();
	if (!pair.pid) {
		close(fds[1]);
		if (read(fds[0], &byte, 1))
			_exit(1);
		_exit(is_old(pair.p, NR * NR_PAGES) ? 0 : 2);
	}
	close(fds[0]);
	pair.go = fds[1];
	return pair;
}

/* The child must have seen nothing of what the parent wrote. */
static void part(struct pair *pair)
{
	close(pair->go);
	EXPECT_EQ(0, wait_child(pair->pid));
	munmap(pair->p, NR * HUNK);
	EXPECT(wait_for(balanced, NULL, 5000), "imbalance %lld",
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static void write_hunk(unsigned char *p)
{
	size_t i;

	for (i = 0; i < NR_PAGES; i++)
		p[i * PAGE] = 0xee;
}

static bool is_written(const unsigned char *p)
{
	size_t i;

	for (i = 0; i < NR_PAGES; i++)
		if (p[i * PAGE] != 0xee || p[i * PAGE + 1])
			return false;
	return true;
}

/* One hunk written from end to end, the next not at all. */
static void auto_goes_huge(void)
{
	struct pair pair = share(ASHLAR_COW_AUTO);
	long long dense = stat_now("cow_dense"), base = stat_now("cow_base"),
		  bytes = stat_now("cow_bytes");
	struct ashlar_hunk hunks[2];

	write_hunk(pair.p);
	EXPECT_EQ(dense + 1, stat_now("cow_dense"));
	base = stat_now("cow_base") - base;
	EXPECT(base >= RUN && base <= 2 * RUN, "%lld base pages", base);
	EXPECT_EQ((long long)HUNK + base * (long long)PAGE,
		  stat_now("cow_bytes") - bytes);
	EXPECT(is_written(pair.p), "something else was read");
	EXPECT(pair.p[HUNK] == value(NR_PAGES),
	       "the next hunk changed");
	EXPECT_EQ(0, do_query(pair.p, 2, hunks));
	EXPECT_EQ(ASHLAR_HUNK_HUGE | ASHLAR_HUNK_PTE,
		  hunks[0].flags & ~ASHLAR_HUNK_REMOTE);
	EXPECT_EQ(ASHLAR_HUNK_HUGE | ASHLAR_HUNK_SHARED,
		  hunks[1].flags & (ASHLAR_HUNK_HUGE | ASHLAR_HUNK_SHARED |
				    ASHLAR_HUNK_SMALL));
	part(&pair);
}

static void base_stays_base(void)
{
	struct pair pair = share(ASHLAR_COW_BASE);
	long long dense = stat_now("cow_dense"), base = stat_now("cow_base"),
		  bytes = stat_now("cow_bytes");

	write_hunk(pair.p);
	EXPECT_EQ(dense, stat_now("cow_dense"));
	EXPECT_EQ(base + (long long)NR_PAGES, stat_now("cow_base"));
	EXPECT_EQ(bytes + (long long)HUNK, stat_now("cow_bytes"));
	EXPECT(is_written(pair.p), "something else was read");
	part(&pair);
}

/* Half of all pages, in an order that makes no run: as anonymous memory. */
static void auto_at_random_copies_no_more(void)
{
	struct pair pair = share(ASHLAR_COW_AUTO);
	long long dense = stat_now("cow_dense"), bytes = stat_now("cow_bytes");
	size_t i, nr = NR_PAGES / 2;

	for (i = 0; i < nr; i++)
		pair.p[(i * 2 * 167 % NR_PAGES) * PAGE] = 0xee;
	EXPECT_EQ(dense, stat_now("cow_dense"));
	EXPECT_EQ(bytes + (long long)(nr * PAGE), stat_now("cow_bytes"));
	part(&pair);
}

/* Without a page to spare the writes go on as they began. */
static void auto_with_an_empty_pool(void)
{
	struct pair pair = share(ASHLAR_COW_AUTO);
	long long dense = stat_now("cow_dense"), base = stat_now("cow_base");

	set_pools(0);
	write_hunk(pair.p);
	EXPECT_EQ(dense, stat_now("cow_dense"));
	EXPECT_EQ(base + (long long)NR_PAGES, stat_now("cow_base"));
	EXPECT(is_written(pair.p), "something else was read");
	set_pools(NR + 4);
	part(&pair);
}

/* The child is the one that writes, and outlives the parent's share. */
static void the_child_goes_huge(void)
{
	long long dense = stat_now("cow_dense");
	unsigned char *p;
	size_t page;
	pid_t pid;

	wait_pools(NR + 2);
	p = (unsigned char *)map_region(NR * HUNK);
	for (page = 0; page < NR * NR_PAGES; page++)
		p[page * PAGE] = value(page);
	wait_pools(NR + 2);
	pid = fork();
	if (!pid) {
		write_hunk(p + HUNK);
		_exit(is_written(p + HUNK) && is_old(p, NR_PAGES) ? 0 : 1);
	}
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(dense + 1, stat_now("cow_dense"));
	EXPECT(is_old(p, NR * NR_PAGES), "the child's writes show");
	munmap(p, NR * HUNK);
	EXPECT(wait_for(balanced, NULL, 5000), "imbalance %lld",
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "auto_goes_huge", auto_goes_huge },
	{ "base_stays_base", base_stays_base },
	{ "auto_at_random_copies_no_more", auto_at_random_copies_no_more },
	{ "auto_with_an_empty_pool", auto_with_an_empty_pool },
	{ "the_child_goes_huge", the_child_goes_huge },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	set_pools(NR + 4);
	return ktap_main(tests, argc, argv);
}
