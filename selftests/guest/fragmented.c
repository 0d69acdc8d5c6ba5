// SPDX-License-Identifier: MIT
/*
 * Free memory in pieces of a page (fragment.ko): what the pool has is handed
 * out huge as before, what it has not falls to base pages, and nothing is
 * refused. Transparent huge pages, beside it, become rare: else the test would
 * have fragmented nothing.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "guest.h"
#include "ktap.h"

#define NR 16UL
#define KIB (NR * HUNK / 1024)
/*
 * In each pool, and what must be there again: of pages that went back to the
 * kernel others may take a piece before the zeroer does.
 */
#define NR_POOL 24UL
#define NR_AGAIN 20UL
/* More than all pools together have. */
#define NR_MORE 80UL

/*
 * KiB of anonymous memory that the kernel gives as huge pages, from what is free:
 * compaction would look through all memory at each fault, for nothing.  They are
 * freed by @cpu, and stay in its lists for a while.
 */
static long thp_kib(int cpu)
{
	char *map = mmap(NULL, (NR + 1) * HUNK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;
	long kib;

	if (!EXPECT(map != MAP_FAILED, "no mapping"))
		return 0;
	p = (char *)(((uintptr_t)map + HUNK - 1) & -HUNK);
	madvise(p, NR * HUNK, MADV_HUGEPAGE);
	memset(p, 1, NR * HUNK);
	kib = smaps_kib(p, NR * HUNK, "AnonHugePages");
	pin_cpu(cpu);
	munmap(map, (NR + 1) * HUNK);
	pin_cpu(0);
	return kib;
}

/* The pool serves every one of the first touches, with huge pages. */
static void expect_all_huge(void)
{
	long long hits = stat_now("pool_hits"), misses = stat_now("pool_misses"),
		  fallbacks = stat_now("fallbacks");
	char *p;

	wait_pools(NR_AGAIN);
	p = map_region(NR * HUNK);
	memset(p, 1, NR * HUNK);
	EXPECT_EQ((long)KIB, smaps_kib(p, NR * HUNK, "FilePmdMapped"));
	EXPECT_EQ(hits + (long)NR, stat_now("pool_hits"));
	EXPECT_EQ(misses, stat_now("pool_misses"));
	EXPECT_EQ(fallbacks, stat_now("fallbacks"));
	munmap(p, NR * HUNK);
}

/* With full pools: what they lack they could not get afterwards. */
static void fragment_all(void)
{
	wait_pools(NR_POOL);
	fragment(90);
}

static bool is_all_free(void *arg)
{
	(void)arg;
	return !stat_now("mapped") && !stat_now("small");
}

static void pool_stays_huge(void)
{
	long before, after;
	int round;

	expect_all_huge();
	before = thp_kib(0);
	thp_kib(1);
	fragment_all();
	after = thp_kib(0);
	for (round = 0; round < 3; round++)
		expect_all_huge();
	unfragment();
	printf("# of %lu KiB of THP huge: %ld, fragmented %ld\n", KIB, before,
	       after);
	EXPECT(before >= (long)KIB / 2, "%ld KiB of THP, before", before);
	EXPECT(after <= before / 4, "%ld KiB of THP huge, %ld before", after,
	       before);
}

/* More than the pool has: base pages for the rest, and huge ones later. */
static void nothing_refused(void)
{
	long long fallbacks = stat_now("fallbacks");
	struct ashlar_collapse collapse;
	size_t i, nr_wrong = 0;
	char *p;

	fragment_all();
	p = map_region(NR_MORE * HUNK);
	for (i = 0; i < NR_MORE * HUNK; i += 4096)
		p[i] = 1 + i / 4096 % 251;
	EXPECT(smaps_kib(p, NR_MORE * HUNK, "FilePmdMapped") >= (long)KIB,
	       "%ld KiB huge", smaps_kib(p, NR_MORE * HUNK, "FilePmdMapped"));
	EXPECT(stat_now("fallbacks") > fallbacks, "no base pages handed out");
	EXPECT_EQ((long)(NR_MORE * HUNK / 1024),
		  smaps_kib(p, NR_MORE * HUNK, "Rss"));
	unfragment();
	EXPECT_EQ(0, do_collapse(p, NR_MORE * HUNK, 0, &collapse));
	EXPECT_EQ(stat_now("fallbacks") - fallbacks,
		  (long long)collapse.ret_collapsed);
	EXPECT_EQ(0, do_remap(p, NR_MORE * HUNK));
	for (i = 0; i < NR_MORE * HUNK; i += 4096)
		nr_wrong += p[i] != (char)(1 + i / 4096 % 251);
	EXPECT_EQ(0, (long)nr_wrong);
	EXPECT_EQ((long)(NR_MORE * HUNK / 1024),
		  smaps_kib(p, NR_MORE * HUNK, "FilePmdMapped"));
	munmap(p, NR_MORE * HUNK);
	EXPECT(wait_for(is_all_free, NULL, 5000), "%lld huge, %lld small left",
	       stat_now("mapped"), stat_now("small"));
}

static const struct ktap_test tests[] = {
	{ "pool_stays_huge", pool_stays_huge },
	{ "nothing_refused", nothing_refused },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	int status;

	dev_open();
	write_file("/sys/kernel/mm/transparent_hugepage/defrag", "never");
	/* All that is taken comes from one node's pool, which does not grow. */
	pin_cpu(0);
	fix_pools(NR_POOL);
	status = ktap_main(tests, argc, argv);
	write_file("/sys/kernel/mm/transparent_hugepage/defrag", "madvise");
	return status;
}
