// SPDX-License-Identifier: MIT
/*
 * size.c - alignment and usable size of plain malloc for all small sizes, and
 * around each power of two up to 4 GiB.
 *
 * Large blocks are touched at their ends only: the test holds where overcommit
 * lets 4 GiB be reserved, and says so where it does not.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <stdalign.h>

#define NR_SMALL 70000
#define NR_BATCH 280 /* live at once; bounds the memory the test needs */

static void *blocks[NR_BATCH];

/* glibc's promise for 64-bit: 16 bytes; objects under 16 bytes need no more
 * than their size rounded down to a power of two.
 */
static size_t min_align(size_t size)
{
	return size >= 16 ? 16 : size >= 8 ? 8 : 1;
}

static int check_block(void *p, size_t size)
{
	if (!EXPECT(p, "NULL for size %zu, errno %d", size, errno))
		return 0;
	EXPECT(malloc_usable_size(p) >= size, "usable %zu of size %zu",
	       malloc_usable_size(p), size);
	return EXPECT(!((uintptr_t)p % min_align(size)), "%p for size %zu", p,
		      size);
}

static void check_batch(size_t first, size_t end)
{
	size_t size;

	for (size = first; size < end; size++) {
		blocks[size - first] = malloc(size);
		if (!check_block(blocks[size - first], size))
			break;
		pattern_fill(blocks[size - first], size, size);
	}
	while (size-- > first) {
		EXPECT(pattern_holds(blocks[size - first], size, size),
		       "block of size %zu overwritten", size);
		free(blocks[size - first]);
	}
}

static void every_small_size(void)
{
	size_t size;

	for (size = 0; size < NR_SMALL; size += NR_BATCH)
		check_batch(size, size + NR_BATCH);
}

static void check_ends(size_t size)
{
	unsigned char *p = malloc(size);

	if (!check_block(p, size))
		return;
	p[0] = 0x5a;
	p[size - 1] = 0xa5;
	p[malloc_usable_size(p) - 1] = 0xa5;
	EXPECT(size < 2 || p[0] == 0x5a, "first byte %#x of size %zu", p[0],
	       size);
	free(p);
}

static void around_powers_of_two(void)
{
	unsigned int shift;

	for (shift = 1; shift <= 32; shift++) {
		check_ends(((size_t)1 << shift) - 1);
		check_ends((size_t)1 << shift);
		check_ends(((size_t)1 << shift) + 1);
	}
}

/* Two blocks of each power at once: large ones must not overlap either. */
static void large_pairs(void)
{
	unsigned int shift;

	for (shift = 16; shift <= 24; shift++) {
		size_t size = ((size_t)1 << shift) + 24;
		char *a = malloc(size), *b = malloc(size);

		if (check_block(a, size) && check_block(b, size)) {
			pattern_fill(a, size, 1);
			pattern_fill(b, size, 2);
			EXPECT(pattern_holds(a, size, 1), "overlap at %zu",
			       size);
			EXPECT(a + size <= b || b + size <= a,
			       "%p and %p of size %zu", (void *)a, (void *)b,
			       size);
		}
		free(a);
		free(b);
	}
}

/* What usable_size reports is really the caller's to write. */
static void usable_is_writable(void)
{
	struct rng rng;
	int i;

	rng_start(&rng);
	for (i = 0; i < 300; i++) {
		void *p = malloc(rng_size(&rng, 1 << 20));
		void *q = malloc(rng_size(&rng, 1 << 20));
		size_t len = p ? malloc_usable_size(p) : 0;
		size_t other = q ? malloc_usable_size(q) : 0;

		pattern_fill(p, len, 3);
		pattern_fill(q, other, 4);
		EXPECT(pattern_holds(p, len, 3),
		       "usable %zu of %p overlaps %p", len, p, q);
		free(q);
		free(p);
	}
	EXPECT_EQ(0, malloc_usable_size(NULL));
}

/* What a block above 1 KiB needs, 16 sizes to a doubling, and @more sizes up. */
static size_t size_above(size_t size, int more)
{
	size_t step = 64;

	while (step * 32 < size)
		step *= 2;
	size = (size + step - 1) / step * step;
	for (; more; more--) {
		step *= size == 32 * step ? 2 : 1;
		size += step;
	}
	return size;
}

/*
 * Few blocks of many sizes: one takes what a block of up to two sizes more has
 * left, if it need not be aligned, and grows and goes like any other.
 */
static void next_size_will_do(void)
{
	enum { NR = 64, LEAST = 1025, MOST = 30 << 10, STEPS = 20000 };
	unsigned int nr_larger = 0;
	size_t sizes[NR] = {};
	void *slots[NR] = {};
	struct rng rng;

	rng_start(&rng);
	for (int i = 0; i < STEPS; i++) {
		size_t slot = rng_below(&rng, NR);
		size_t align = i % 4 ? 1 : (size_t)16 << rng_below(&rng, 9);
		size_t size = LEAST + rng_below(&rng, MOST - LEAST);
		char *p = slots[slot];

		EXPECT(!p || pattern_holds(p, sizes[slot], slot),
		       "block of size %zu overwritten", sizes[slot]);
		free(p);
		slots[slot] = p = align > 1 ? memalign(align, size) :
					       malloc(size);
		sizes[slot] = size;
		if (!check_block(p, size))
			return;
		EXPECT(!((uintptr_t)p % align), "%p for alignment %zu",
		       (void *)p, align);
		pattern_fill(p, size, slot);
		if (align > 1 || !is_ashlar() || is_hardened())
			continue;
		EXPECT(malloc_usable_size(p) <= size_above(size, 2),
		       "usable %zu of size %zu", malloc_usable_size(p), size);
		nr_larger += malloc_usable_size(p) > size_above(size, 0);
	}
	for (int i = 0; i < NR; i++)
		free(slots[i]);
	if (is_ashlar() && !is_hardened())
		EXPECT(nr_larger > STEPS / 50, "only %u of %d blocks", nr_larger,
		       STEPS);
}

static void max_align_t_holds(void)
{
	size_t size;

	for (size = sizeof(max_align_t); size < 4096; size++) {
		void *p = malloc(size);

		EXPECT(!((uintptr_t)p % alignof(max_align_t)),
		       "%p for size %zu", p, size);
		free(p);
	}
}

static const struct ktap_test tests[] = {
	{"every_small_size", every_small_size},
	{"around_powers_of_two", around_powers_of_two},
	{"large_pairs", large_pairs},
	{"usable_is_writable", usable_is_writable},
	{"next_size_will_do", next_size_will_do},
	{"max_align_t_holds", max_align_t_holds},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
