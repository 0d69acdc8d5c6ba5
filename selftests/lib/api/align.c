// SPDX-License-Identifier: MIT
/*
 * align.c - aligned_alloc, posix_memalign, memalign, valloc and pvalloc:
 * alignments up to 64 MiB, bad ones refused, blocks apart from each other.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>

#define MAX_ALIGN ((size_t)64 << 20)

static void expect_aligned(const char *how, void *p, size_t align, size_t size)
{
	if (!EXPECT(p, "NULL from %s(%zu, %zu), errno %d", how, align, size,
		    errno))
		return;
	EXPECT(!((uintptr_t)p & (align - 1)), "%p from %s(%zu, %zu)", p, how,
	       align, size);
	EXPECT(malloc_usable_size(p) >= size, "usable %zu from %s(%zu, %zu)",
	       malloc_usable_size(p), how, align, size);
	if (size)
		((volatile char *)p)[size - 1] = 1;
	free(p);
}

static void try_all(size_t align, size_t size)
{
	void *p = NULL;
	int ret;

	expect_aligned("aligned_alloc", aligned_alloc(align, size), align,
		       size);
	expect_aligned("memalign", memalign(align, size), align, size);
	if (align < sizeof(void *))
		return;
	ret = posix_memalign(&p, align, size);
	EXPECT(!ret, "%d from posix_memalign(%zu, %zu)", ret, align, size);
	expect_aligned("posix_memalign", p, align, size);
}

static void every_alignment(void)
{
	static const size_t sizes[] = {0,   1,	  15,	 16,	17,    48,
				       100, 1000, 4095,	 4096,	4097,  10000,
				       65536, 100000, 1 << 20, 3 << 20};
	size_t align;
	unsigned int i;

	for (align = 1; align <= MAX_ALIGN; align *= 2)
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			try_all(align, sizes[i]);
}

static void live_together(void)
{
	struct rng rng;
	void *p[200];
	size_t len[200];
	int i;

	rng_start(&rng);
	for (i = 0; i < 200; i++) {
		size_t align = (size_t)8 << rng_below(&rng, 14);

		len[i] = rng_size(&rng, 40000);
		if (!EXPECT(!posix_memalign(&p[i], align, len[i]),
			    "refused align %zu size %zu", align, len[i]))
			p[i] = NULL;
		if (p[i])
			pattern_fill(p[i], len[i], (uint64_t)i);
	}
	for (i = 0; i < 200; i++) {
		EXPECT(!p[i] || pattern_holds(p[i], len[i], (uint64_t)i),
		       "block %d of %zu overwritten", i, len[i]);
		free(p[i]);
	}
}

static void posix_memalign_refuses(void)
{
	static const size_t bad[] = {0, 1, 2, 3, 4, 7, 9, 12, 24, 48, 4095,
				     SIZE_MAX, SIZE_MAX - 7};
	static char mark;
	unsigned int i;
	void *p;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int ret;

		p = &mark;
		errno = 77;
		ret = posix_memalign(&p, bad[i], 100);
		EXPECT(ret == EINVAL, "%d for alignment %zu", ret, bad[i]);
		EXPECT(p == &mark, "%p: pointer changed on failure", p);
		EXPECT(errno == 77, "errno %d: posix_memalign returns it",
		       errno);
	}
	p = &mark;
	EXPECT_EQ(ENOMEM, posix_memalign(&p, 64, SIZE_MAX - 100));
	EXPECT(p == &mark, "%p: pointer changed on failure", p);
}

static void aligned_alloc_overflow(void)
{
	static const size_t aligns[] = {16, 4096, 1 << 21, MAX_ALIGN};
	unsigned int i;

	for (i = 0; i < sizeof(aligns) / sizeof(*aligns); i++) {
		void *p;

		errno = 0;
		p = aligned_alloc(aligns[i], SIZE_MAX - aligns[i] + 1);
		EXPECT(!p && errno == ENOMEM, "%p, errno %d for align %zu", p,
		       errno, aligns[i]);
		errno = 0;
		p = memalign(aligns[i], SIZE_MAX - 10);
		EXPECT(!p && errno == ENOMEM, "%p, errno %d for align %zu", p,
		       errno, aligns[i]);
	}
	errno = 0;
	EXPECT(!aligned_alloc((size_t)1 << 62, 1), "not NULL");
	EXPECT(errno == ENOMEM || errno == EINVAL, "errno %d", errno);
}

static void page_aligned(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size;

	for (size = 0; size < 5 * page; size += 511) {
		void *p = valloc(size), *q;

		EXPECT(p && !((uintptr_t)p % page), "valloc(%zu) %p", size, p);
		free(p);
		q = pvalloc(size);
		EXPECT(q && !((uintptr_t)q % page), "pvalloc(%zu) %p", size, q);
		EXPECT(!q || malloc_usable_size(q) >=
				     (size + page - 1) / page * page,
		       "usable %zu of pvalloc(%zu)", malloc_usable_size(q),
		       size);
		free(q);
	}
	errno = 0;
	EXPECT(!pvalloc(SIZE_MAX - 10) && errno == ENOMEM, "errno %d", errno);
	errno = 0;
	EXPECT(!valloc(SIZE_MAX - 10) && errno == ENOMEM, "errno %d", errno);
}

/* Many at once, freed in another order: nothing of the padding is lost. */
static void does_not_leak(void)
{
	static void *p[256];
	long before = 0, after;
	int round, i;

	for (round = 0; round < 40; round++) {
		for (i = 0; i < 256; i++) {
			p[i] = aligned_alloc(8192, 9000);
			if (!EXPECT(p[i], "NULL in round %d", round))
				return;
			*(volatile char *)p[i] = 1;
		}
		for (i = 0; i < 256; i++)
			free(p[(i * 37) % 256]);
		if (round == 5)
			before = proc_status_kib("VmRSS:");
	}
	after = proc_status_kib("VmRSS:");
	EXPECT(after - before < 8 * 1024, "%ld KiB grown to %ld KiB", before,
	       after);
}

static const struct ktap_test tests[] = {
	{"every_alignment", every_alignment},
	{"live_together", live_together},
	{"posix_memalign_refuses", posix_memalign_refuses},
	{"aligned_alloc_overflow", aligned_alloc_overflow},
	{"page_aligned", page_aligned},
	{"does_not_leak", does_not_leak},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
