// SPDX-License-Identifier: MIT
/*
 * Regions under munmap, mprotect, mremap, madvise and mlock.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "guest.h"
#include "ktap.h"

#define PAGE 4096

static void munmap_part(void)
{
	char *p = map_region(4 * HUNK);

	memset(p, 1, 4 * HUNK);
	EXPECT_EQ(0, munmap(p + HUNK + PAGE, PAGE));
	EXPECT_EQ(SIGSEGV, touch_signal(p + HUNK + PAGE, true));
	EXPECT_EQ(1, p[HUNK]);
	EXPECT_EQ(1, p[HUNK + 2 * PAGE]);
	EXPECT_EQ(1, p[2 * HUNK - 1]);
	EXPECT_EQ(-EFAULT, do_discard(p, 4 * HUNK, NULL));
	EXPECT_EQ(1, p[0]);
	munmap(p, 4 * HUNK);
}

static void guard_page(void)
{
	char *p = map_region(3 * HUNK);
	long faults;
	size_t i;

	memset(p, 1, 3 * HUNK);
	EXPECT_EQ(0, mprotect(p + HUNK + PAGE, PAGE, PROT_NONE));
	EXPECT_EQ(SIGSEGV, touch_signal(p + HUNK + PAGE, false));
	faults = nr_minor_faults();
	for (i = 0; i < HUNK; i += PAGE)
		if (i != PAGE)
			p[HUNK + i]++;
	faults = nr_minor_faults() - faults;
	/* Base pages now, but with their neighbours. */
	EXPECT(faults <= (long)(HUNK / PAGE / 8), "%ld faults", faults);
	EXPECT_EQ(0, mprotect(p + HUNK + PAGE, PAGE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(1, p[HUNK + PAGE]);
	EXPECT_EQ(2, p[HUNK + 2 * PAGE]);
	munmap(p, 3 * HUNK);
}

static void read_only_and_back(void)
{
	char *p = map_region(HUNK);

	p[0] = 1;
	EXPECT_EQ(0, mprotect(p, HUNK, PROT_READ));
	EXPECT_EQ(SIGSEGV, touch_signal(p, true));
	EXPECT_EQ(1, p[0]);
	EXPECT_EQ(0, mprotect(p, HUNK, PROT_READ | PROT_WRITE));
	p[0] = 2;
	EXPECT_EQ(2, p[0]);
	munmap(p, HUNK);
}

static void mapping_arguments(void)
{
	char *p, *q;

	EXPECT(mmap(NULL, HUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE, dev, 0) ==
		       MAP_FAILED && errno == EINVAL, "private: %m");
	EXPECT(mmap(NULL, HUNK + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, dev,
		    0) == MAP_FAILED && errno == EINVAL, "odd length: %m");
	EXPECT(mmap(NULL, HUNK, PROT_READ | PROT_WRITE, MAP_SHARED, dev,
		    HUNK) == MAP_FAILED && errno == EINVAL, "offset: %m");
	p = map_region(2 * HUNK);
	EXPECT_EQ(0, (long)((uintptr_t)p % HUNK));
	EXPECT(mmap(p + PAGE, HUNK, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, dev, 0) == MAP_FAILED &&
		       errno == EINVAL, "misaligned: %m");
	q = mmap(p, HUNK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, dev,
		 0);
	EXPECT(q == p, "fixed: %p", q);
	munmap(p, 2 * HUNK);
}

/* What the core offers a file mapping, and what of it must do no harm. */
static void madvise_keeps_contents(void)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_HUGEPAGE, MADV_COLD, MADV_PAGEOUT, MADV_MERGEABLE,
		MADV_DONTDUMP, MADV_DODUMP, MADV_DONTFORK, MADV_DOFORK,
		MADV_WIPEONFORK, 22 /* POPULATE_READ */, 23 /* and _WRITE */,
		25 /* COLLAPSE */,
	};
	char *p = map_region(2 * HUNK);
	size_t i;

	for (i = 0; i < sizeof(advice) / sizeof(*advice); i++) {
		memset(p, 7, 2 * HUNK);
		madvise(p, 2 * HUNK, advice[i]);
		EXPECT(p[0] == 7 && p[2 * HUNK - 1] == 7,
		       "%d after advice %d", p[0], advice[i]);
	}
	munmap(p, 2 * HUNK);
}

static void mlocked(void)
{
	char *p = map_region(2 * HUNK);

	p[0] = 1;
	EXPECT_EQ(0, mlock(p, 2 * HUNK));
	EXPECT_EQ(0, munlock(p, 2 * HUNK));
	EXPECT_EQ(1, p[0]);
	munmap(p, 2 * HUNK);
}

static void remap_file_pages_refused(void)
{
	char *p = map_region(2 * HUNK);

	p[0] = 1;
	p[HUNK] = 2;
	EXPECT(syscall(SYS_remap_file_pages, p, HUNK, 0,
		       (uintptr_t)(p + HUNK) / PAGE, 0) != 0, "allowed");
	EXPECT_EQ(1, p[0]);
	munmap(p, 2 * HUNK);
}

static void thp_disabled(void)
{
	char *p;
	size_t i;

	EXPECT_EQ(0, prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	p = map_region(HUNK);
	for (i = 0; i < HUNK; i += PAGE)
		p[i] = 3;
	EXPECT_EQ(2048, smaps_kib(p, HUNK, "Rss"));
	EXPECT_EQ(0, prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	EXPECT_EQ(0, do_discard(p, HUNK, NULL));
	EXPECT_EQ(0, p[PAGE]);
	munmap(p, HUNK);
}

static void nothing_left(void)
{
	EXPECT(wait_for(balanced, NULL, 5000),
	       "mapped %lld parked %lld small %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "munmap_part", munmap_part },
	{ "guard_page", guard_page },
	{ "read_only_and_back", read_only_and_back },
	{ "mapping_arguments", mapping_arguments },
	{ "madvise_keeps_contents", madvise_keeps_contents },
	{ "mlocked", mlocked },
	{ "remap_file_pages_refused", remap_file_pages_refused },
	{ "thp_disabled", thp_disabled },
	{ "nothing_left", nothing_left },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	return ktap_main(tests, argc, argv);
}
