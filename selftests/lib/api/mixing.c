// SPDX-License-Identifier: MIT
/*
 * mixing.c - a program whose sizes shift: each phase replaces its blocks at
 * random by others of other sizes, so that what one size leaves vacant must
 * serve the rest. All functions of the family meet blocks that share a slab,
 * and so do threads that free what is not theirs.
 */
#include "ktap.h"
#include "testlib.h"

#include <malloc.h>
#include <pthread.h>

#define MOST_LIVE (24u << 20)
#define MOST_BLOCKS (MOST_LIVE / 40)
#define NR_PHASES 6

struct block {
	unsigned char *p;
	uint32_t len;
};

static struct block blocks[MOST_BLOCKS];
static unsigned int nr_blocks;
static size_t live;
static size_t goal = MOST_LIVE;
static int nr_phases = NR_PHASES;
static size_t others_align = 16; /* what one block in fifty asks for */

/* Small sizes and large ones by turns. */
static size_t size_in(struct rng *rng, int phase)
{
	size_t a = rng_below(rng, 497), b = rng_below(rng, 497);

	return 16 + ((a < b) == (phase % 2) ? b : a);
}

static bool holds(const struct block *b)
{
	return b->p[0] == (unsigned char)b->len &&
	       b->p[b->len - 1] == (unsigned char)(b->len >> 3);
}

static void mark(struct block *b)
{
	b->p[0] = b->len;
	b->p[b->len - 1] = b->len >> 3;
}

static void add(struct rng *rng, int phase)
{
	struct block *b = &blocks[nr_blocks];
	size_t len = size_in(rng, phase) + 1;
	size_t align = rng_below(rng, 50) ? 16 : others_align;

	b->p = align == 16 ? malloc(len) : aligned_alloc(align, len);
	if (!EXPECT(b->p, "NULL for %zu", len))
		return;
	EXPECT(!((uintptr_t)b->p % align), "%p for alignment %zu",
	       (void *)b->p, align);
	b->len = len;
	EXPECT(malloc_usable_size(b->p) >= len, "%zu usable of %zu",
	       malloc_usable_size(b->p), len);
	mark(b);
	live += len;
	nr_blocks++;
}

static void drop(unsigned int at)
{
	EXPECT(holds(&blocks[at]), "block of %u overwritten", blocks[at].len);
	free(blocks[at].p);
	live -= blocks[at].len;
	blocks[at] = blocks[--nr_blocks];
}

static void fill(struct rng *rng, int phase)
{
	unsigned int before;

	do {
		before = nr_blocks;
		if (live < goal && nr_blocks < MOST_BLOCKS)
			add(rng, phase);
	} while (nr_blocks > before);
}

static void turn_over(struct rng *rng, int phase, size_t bytes)
{
	size_t churned = 0;

	while (churned < bytes) {
		unsigned int at = rng_below(rng, nr_blocks);

		churned += blocks[at].len;
		drop(at);
		fill(rng, phase);
	}
}

static void shift(struct rng *rng)
{
	int phase;

	fill(rng, 0);
	for (phase = 1; phase < nr_phases; phase++)
		turn_over(rng, phase, 2 * goal);
}

static void drop_all(void)
{
	while (nr_blocks)
		drop(nr_blocks - 1);
}

/*
 * Without mixing each size keeps the most it ever had: 1.5 times what is live
 * and more. With it, about 1.17 times.
 */
static void memory_is_shared(void)
{
	struct rng rng = {42};
	long long in_use;

	if (!is_ashlar()) {
		ktap_skip("libc has no slabs to share");
		return;
	}
	if (is_hardened()) {
		ktap_skip("hardened slabs keep to one class");
		return;
	}
	shift(&rng);
	in_use = ashlar_stat("in_use");
	if (!is_sanitized())
		EXPECT(in_use < (long long)(live + live / 4),
		       "%lld bytes in use for %zu live", in_use, live);
	drop_all();
	malloc_trim(0);
	in_use = ashlar_stat("in_use");
	if (!is_sanitized())
		EXPECT(in_use < 4 << 20, "%lld bytes in use by none", in_use);
}

static void realloc_keeps(void)
{
	struct rng rng;
	unsigned int i;

	rng_start(&rng);
	shift(&rng);
	for (i = 0; i < nr_blocks; i++) {
		size_t old = blocks[i].len, len = size_in(&rng, i) + 1;
		unsigned char *p = realloc(blocks[i].p, len);

		if (!EXPECT(p, "NULL for %zu", len))
			continue;
		blocks[i].p = p;
		EXPECT_EQ((unsigned char)old, p[0]);
		if (len >= old)
			EXPECT_EQ((unsigned char)(old >> 3), p[old - 1]);
		EXPECT(malloc_usable_size(p) >= len, "too small for %zu", len);
		blocks[i].len = len;
		mark(&blocks[i]);
		live += len - old;
	}
	drop_all();
}

static void alignment_holds(void)
{
	struct rng rng;
	int i;

	rng_start(&rng);
	others_align = 64;
	shift(&rng);
	for (i = 0; i < 20000; i++) {
		size_t align = (size_t)16 << rng_below(&rng, 6);
		size_t len = 1 + rng_below(&rng, 600);
		void *p = aligned_alloc(align, len), *q = malloc(len);

		EXPECT(p && !((uintptr_t)p % align), "%p for alignment %zu", p,
		       align);
		EXPECT(q && !((uintptr_t)q % 16), "malloc gave %p", q);
		free(p);
		free(q);
	}
	drop_all();
}

static void *free_half(void *arg)
{
	while (nr_blocks > MOST_BLOCKS / 64)
		drop(nr_blocks - 1);
	return arg;
}

/* Another thread frees; what it freed serves the first one again. */
static void freed_by_others(void)
{
	struct rng rng;
	pthread_t thread;
	int round;

	rng_start(&rng);
	shift(&rng);
	for (round = 0; round < 3; round++) {
		if (!EXPECT(!pthread_create(&thread, NULL, free_half, NULL),
			    "no thread"))
			break;
		pthread_join(thread, NULL);
		fill(&rng, round);
		turn_over(&rng, round + 1, goal / 2);
	}
	drop_all();
}

static const struct ktap_test tests[] = {
	{"memory_is_shared", memory_is_shared},
	{"realloc_keeps", realloc_keeps},
	{"alignment_holds", alignment_holds},
	{"freed_by_others", freed_by_others},
	{},
};

int main(int argc, char **argv)
{
	if (is_sanitized())
		nr_phases = 3; /* a smaller heap would share nothing */
	return ktap_main(tests, argc, argv);
}
