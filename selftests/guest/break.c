// SPDX-License-Identifier: MIT
/*
 * Breaking a sparse huge page, and the reverse.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "guest.h"
#include "ktap.h"

#define PAGE 4096UL
#define PER_HUNK (HUNK / PAGE)

static int do_break(void *addr, size_t nr, const uint64_t *bitmap,
		    int32_t *status, struct ashlar_break *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = sizeof(*ret);
	ret->addr = (uintptr_t)addr;
	ret->len = nr * HUNK;
	ret->bitmap = (uintptr_t)bitmap;
	ret->status = (uintptr_t)status;
	return do_ioctl(ASHLAR_IOC_BREAK, ret);
}

static void keeps_live_pages_only(void)
{
	uint64_t bitmap[2 * PER_HUNK / 64] = { 0 };
	struct ashlar_break ret;
	struct ashlar_hunk hunks[2];
	long long mapped;
	int32_t status[2];
	size_t page;
	char *p;

	p = map_region(2 * HUNK);
	for (page = 0; page < 2 * PER_HUNK; page++)
		p[page * PAGE] = 1 + page % 100;
	for (page = 0; page < 2 * PER_HUNK; page += 10)
		bitmap[page / 64] |= 1ULL << (page % 64);
	mapped = stat_now("mapped");
	EXPECT_EQ(0, do_break(p, 2, bitmap, status, &ret));
	EXPECT_EQ(2, (long)ret.ret_broken);
	EXPECT_EQ((long)(2 * PER_HUNK + 9) / 10, (long)ret.ret_pages);
	EXPECT_EQ(mapped - 2, stat_now("mapped"));
	EXPECT_EQ(0, do_query(p, 2, hunks));
	EXPECT_EQ(ASHLAR_HUNK_SMALL | ASHLAR_HUNK_BROKEN | ASHLAR_HUNK_PTE,
		  hunks[0].flags & ~ASHLAR_HUNK_REMOTE);
	for (page = 0; page < 2 * PER_HUNK; page++)
		EXPECT_EQ(page % 10 ? 0 : (int)(1 + page % 100),
			  p[page * PAGE]);
	munmap(p, 2 * HUNK);
}

static void nothing_live(void)
{
	uint64_t bitmap[PER_HUNK / 64] = { 0 };
	struct ashlar_break ret;
	struct ashlar_hunk hunk;
	char *p = map_region(HUNK);

	p[5] = 1;
	EXPECT_EQ(0, do_break(p, 1, bitmap, NULL, &ret));
	EXPECT_EQ(1, (long)ret.ret_broken);
	EXPECT_EQ(0, do_query(p, 1, &hunk));
	EXPECT_EQ(0, hunk.flags);
	EXPECT_EQ(0, p[5]);
	munmap(p, HUNK);
}

/* What is broken already gives back more, and keeps what it is told to. */
static void once_more(void)
{
	uint64_t bitmap[PER_HUNK / 64];
	struct ashlar_break ret;
	struct ashlar_hunk hunk;
	long long small;
	size_t page;
	char *p = map_region(HUNK);

	memset(bitmap, 0x55, sizeof(bitmap));
	for (page = 0; page < PER_HUNK; page++)
		p[page * PAGE] = 1 + page % 100;
	small = stat_now("small");
	EXPECT_EQ(0, do_break(p, 1, bitmap, NULL, &ret));
	EXPECT_EQ(small + (long)PER_HUNK / 2, stat_now("small"));
	memset(bitmap, 0x11, sizeof(bitmap));
	EXPECT_EQ(0, do_break(p, 1, bitmap, NULL, &ret));
	EXPECT_EQ(1, (long)ret.ret_broken);
	EXPECT_EQ(0, (long)ret.ret_pages);
	EXPECT_EQ(small + (long)PER_HUNK / 4, stat_now("small"));
	for (page = 0; page < PER_HUNK; page++)
		EXPECT_EQ(page % 4 ? 0 : (int)(1 + page % 100),
			  *(volatile char *)(p + page * PAGE));
	/* A page that is kept but was never there is no page. */
	memset(bitmap, 0, sizeof(bitmap));
	EXPECT_EQ(0, do_break(p, 1, bitmap, NULL, &ret));
	EXPECT_EQ(small, stat_now("small"));
	EXPECT_EQ(0, do_query(p, 1, &hunk));
	EXPECT_EQ(0, hunk.flags & (ASHLAR_HUNK_SMALL | ASHLAR_HUNK_BROKEN));
	munmap(p, HUNK);
}

static void says_why_not(void)
{
	uint64_t bitmap[3 * PER_HUNK / 64] = { 1 };
	struct ashlar_break ret;
	int32_t status[3];
	int fds[2];
	char *p = map_region(3 * HUNK);

	p[HUNK] = p[2 * HUNK] = 9;
	EXPECT_EQ(0, pipe(fds));
	struct iovec vec = { p + HUNK, PAGE };

	EXPECT_EQ((long)PAGE, (long)vmsplice(fds[1], &vec, 1, 0));
	EXPECT_EQ(0, do_break(p, 3, bitmap, status, &ret));
	EXPECT_EQ(-ENOENT, status[0]);
	EXPECT_EQ(-EBUSY, status[1]);
	EXPECT_EQ(0, status[2]);
	EXPECT_EQ(9, p[HUNK]);
	EXPECT_EQ(0, p[2 * HUNK]);
	close(fds[0]);
	close(fds[1]);
	munmap(p, 3 * HUNK);
}

static void collapse_is_the_reverse(void)
{
	uint64_t bitmap[PER_HUNK / 64];
	struct ashlar_collapse collapse;
	struct ashlar_break brk;
	struct ashlar_hint hint;
	struct ashlar_hints hints = {
		.size = sizeof(hints), .hints = (uintptr_t)&hint, .nr = 1,
		.hint_size = sizeof(hint), .len = HUNK,
	};
	size_t page, try;
	char *p;

	p = map_region(HUNK);
	hints.addr = (uintptr_t)p;
	memset(bitmap, 0xff, sizeof(bitmap));
	bitmap[0] &= ~1ULL;
	for (page = 0; page < PER_HUNK; page++)
		p[page * PAGE] = 1 + page % 100;
	EXPECT_EQ(0, do_break(p, 1, bitmap, NULL, &brk));
	EXPECT_EQ(0, do_ioctl(ASHLAR_IOC_HINTS, &hints));
	EXPECT_EQ(1, (long)hints.ret_nr);
	EXPECT_EQ(ASHLAR_HINT_COLLAPSE | ASHLAR_HINT_REMAP,
		  hint.reasons & ~ASHLAR_HINT_MOVE);
	/* Each page once, and again if this thread has changed nodes since. */
	EXPECT_EQ((PER_HUNK - 1) *
			  (hint.reasons & ASHLAR_HINT_MOVE ? 2 : 1),
		  (long)hint.cost);
	/* A hole among them: only if asked. */
	EXPECT_EQ(0, do_collapse(p, HUNK, 0, &collapse));
	EXPECT_EQ(0, (long)collapse.ret_collapsed);
	for (try = 0; try < 100 && !collapse.ret_collapsed; try++) {
		EXPECT_EQ(0, do_collapse(p, HUNK, ASHLAR_COLLAPSE_SPARSE,
					 &collapse));
		usleep(10000);
	}
	EXPECT_EQ(1, (long)collapse.ret_collapsed);
	EXPECT_EQ(0, do_remap(p, HUNK));
	for (page = 0; page < PER_HUNK; page++)
		EXPECT_EQ(page ? (int)(1 + page % 100) : 0, p[page * PAGE]);
	EXPECT_EQ(2048, smaps_kib(p, HUNK, "FilePmdMapped"));
	munmap(p, HUNK);
}

static char *mem;
static atomic_bool stop;
static atomic_int nr_lost;

/* The first page of every 64 is live and belongs to a writer. */
static void *writer(void *arg)
{
	volatile uint32_t *word;
	uint32_t seen[PER_HUNK / 64] = { 0 };
	size_t i;

	(void)arg;
	for (i = 0; !stop; i = (i + 1) % (PER_HUNK / 64)) {
		word = (volatile uint32_t *)(mem + i * 64 * PAGE);
		if (*word != seen[i])
			nr_lost++;
		*word = ++seen[i];
	}
	return NULL;
}

static void under_a_writer(void)
{
	uint64_t bitmap[PER_HUNK / 64];
	struct ashlar_collapse collapse;
	struct ashlar_break brk;
	uint64_t nr_broken = 0, nr_collapsed = 0;
	pthread_t thread;
	size_t i;

	for (i = 0; i < PER_HUNK / 64; i++)
		bitmap[i] = 1;
	mem = map_region(HUNK);
	mem[1] = 0;
	stop = false;
	pthread_create(&thread, NULL, writer, NULL);
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, do_break(mem, 1, bitmap, NULL, &brk));
		nr_broken += brk.ret_broken;
		EXPECT_EQ(0, do_collapse(mem, HUNK, ASHLAR_COLLAPSE_SPARSE,
					 &collapse));
		nr_collapsed += collapse.ret_collapsed;
		if (i % 10 == 0)
			EXPECT_EQ(0, do_remap(mem, HUNK));
		usleep(1000);
	}
	stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, nr_lost);
	EXPECT(nr_broken && nr_collapsed, "%llu broken, %llu collapsed",
	       (unsigned long long)nr_broken, (unsigned long long)nr_collapsed);
	munmap(mem, HUNK);
}

static void nothing_left(void)
{
	EXPECT(wait_for(balanced, NULL, 5000),
	       "mapped %lld parked %lld small %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "keeps_live_pages_only", keeps_live_pages_only },
	{ "nothing_live", nothing_live },
	{ "once_more", once_more },
	{ "says_why_not", says_why_not },
	{ "collapse_is_the_reverse", collapse_is_the_reverse },
	{ "under_a_writer", under_a_writer },
	{ "nothing_left", nothing_left },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	set_pools(8);
	return ktap_main(tests, argc, argv);
}
