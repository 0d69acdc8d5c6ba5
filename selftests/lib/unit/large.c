// SPDX-License-Identifier: MIT
/*
 * large.c - large allocations by themselves: rounding, alignment, growth in
 * place and by moving page tables, contents kept, figures that come back to
 * where they were, and frees that are no frees.
 */
#include "ktap.h"
#include "testlib.h"

#include "heap/large.h"
#include "heap/process.h"
#include "hpheap/space.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define NR 200

static void expect_rest_zero(const char *p, size_t stale, size_t len)
{
	if (stale < len)
		EXPECT_EQ(len - stale, first_nonzero(p + stale, len - stale));
}

static void sizes_and_alignments(void)
{
	static const size_t sizes[] = {1, 4096, 4097, 70 * KIB, 2 * MIB,
				       2 * MIB + 1, 9 * MIB};
	size_t before = large_bytes(), count = large_count(), align;
	unsigned int i;
	size_t stale;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (align = 1; align <= 8 * MIB; align *= 8) {
			char *p = large_alloc(sizes[i], align, &stale);
			size_t usable;

			if (!EXPECT(p, "NULL for %zu", sizes[i]))
				return;
			usable = large_usable(space_load(p));
			EXPECT(!((uintptr_t)p % align) &&
				       !((uintptr_t)p % UNIT_SIZE),
			       "%p for %zu", p, align);
			EXPECT(usable >= sizes[i] &&
				       usable < sizes[i] + UNIT_SIZE,
			       "%zu of %zu", usable, sizes[i]);
			expect_rest_zero(p, stale, sizes[i]);
			EXPECT_EQ(before + usable, large_bytes());
			EXPECT_EQ(count + 1, large_count());
			pattern_fill(p, sizes[i], align);
			large_free(space_load(p), p);
			EXPECT(!space_load(p), "%p still marked", p);
		}
	EXPECT_EQ(before, large_bytes());
	EXPECT_EQ(count, large_count());
}

static void impossible(void)
{
	size_t stale;

	EXPECT(!large_alloc((size_t)1 << 45, 1, &stale), "32 TiB");
	EXPECT(!large_alloc(PTRDIFF_MAX, 1, &stale), "all of it");
	EXPECT(!large_alloc(UNIT_SIZE, (size_t)1 << 50, &stale), "aligned");
}

static void in_place(void)
{
	size_t before = large_bytes();
	size_t stale;
	char *p = large_alloc(4 * MIB, 1, &stale);

	pattern_fill(p, 4 * MIB, 1);
	EXPECT(large_resize(space_load(p), p, 1 * MIB) == p, "shrink refused");
	EXPECT_EQ(1 * MIB, large_usable(space_load(p)));
	EXPECT_EQ(before + 1 * MIB, large_bytes());
	/* What was given up behind it is free for growing into. */
	EXPECT(large_resize(space_load(p), p, 3 * MIB) == p, "growth refused");
	EXPECT(pattern_holds_part(p, 1 * MIB, 4 * MIB, 1), "overwritten");
	pattern_fill(p, 3 * MIB, 2);
	EXPECT(!large_resize(space_load(p), p, (size_t)1 << 45), "32 TiB");
	EXPECT_EQ(3 * MIB, large_usable(space_load(p)));
	EXPECT(pattern_holds(p, 3 * MIB, 2), "overwritten");
	large_free(space_load(p), p);
	EXPECT_EQ(before, large_bytes());
}

/* Moved or not, the old contents are where the answer says. */
static void moved(void)
{
	size_t before = large_bytes(), len = 5 * MIB + 123;
	size_t stale;
	char *p = large_alloc(len, 2 * MIB, &stale), *q;

	pattern_fill(p, len, 3);
	q = large_move(space_load(p), p, 12 * MIB);
	if (q)
		EXPECT(!space_load(p), "%p still marked", p);
	else
		q = p;
	EXPECT(pattern_holds(q, len, 3), "contents lost");
	large_free(space_load(q), q);
	/* Below a huge page there is nothing to move. */
	p = large_alloc(1 * MIB, 1, &stale);
	EXPECT(!large_move(space_load(p), p, 8 * MIB), "moved a small one");
	large_free(space_load(p), p);
	EXPECT_EQ(before, large_bytes());
}

static void many(void)
{
	static struct {
		char *p;
		size_t len;
	} b[NR];
	size_t before = large_bytes();
	struct rng rng;
	unsigned int i;
	size_t stale;

	rng_start(&rng);
	for (i = 0; i < 4000; i++) {
		unsigned int at = (unsigned int)rng_below(&rng, NR);

		if (b[at].p) {
			EXPECT(pattern_holds(b[at].p, b[at].len, at),
			       "%u overwritten", at);
			large_free(space_load(b[at].p), b[at].p);
			b[at].p = NULL;
			continue;
		}
		b[at].len = 4096 + rng_size(&rng, 3 * MIB);
		b[at].p = large_alloc(b[at].len, 1, &stale);
		expect_rest_zero(b[at].p, stale, b[at].len);
		pattern_fill(b[at].p, b[at].len, at);
	}
	for (i = 0; i < NR; i++)
		if (b[i].p)
			large_free(space_load(b[i].p), b[i].p);
	EXPECT_EQ(before, large_bytes());
}

static int free_twice(void *arg)
{
	size_t stale;
	char *p = large_alloc(100 * KIB, 1, &stale);
	u64 entry = space_load(p);

	(void)arg;
	signal(SIGABRT, SIG_DFL);
	large_free(entry, p);
	large_free(entry, p);
	return 0;
}

static int free_inside(void *arg)
{
	size_t stale;
	char *p = large_alloc(100 * KIB, 1, &stale);

	(void)arg;
	signal(SIGABRT, SIG_DFL);
	large_free(space_load(p), p + 16);
	return 0;
}

static void no_frees(void)
{
	struct child child;

	child_call(&child, free_twice, NULL);
	EXPECT_EQ(-SIGABRT, child_code(&child));
	EXPECT(strstr(child.text, "double free"), "%s", child.text);
	child_call(&child, free_inside, NULL);
	EXPECT_EQ(-SIGABRT, child_code(&child));
	EXPECT(strstr(child.text, "invalid free"), "%s", child.text);
}

static const struct ktap_test tests[] = {
	{"sizes_and_alignments", sizes_and_alignments},
	{"impossible", impossible},
	{"in_place", in_place},
	{"moved", moved},
	{"many", many},
	{"no_frees", no_frees},
	{},
};

int main(int argc, char **argv)
{
	return process_init() ? ktap_main(tests, argc, argv) : 1;
}
