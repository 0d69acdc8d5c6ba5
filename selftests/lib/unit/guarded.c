// SPDX-License-Identifier: MIT
/*
 * guarded.c - large allocations of a hardened process by themselves: the exact
 * size is known, guards come and go with blocks, a freed one waits and leaves
 * nothing behind. And slots of its slabs, which come at random.
 */
#include "ktap.h"
#include "testlib.h"

#include "heap/guarded.h"
#include "heap/large.h"
#include "heap/process.h"
#include "heap/quarantine.h"
#include "hpheap/guard.h"
#include "hpheap/hpheap.h"
#include "slab/slab.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

extern const char *ashlar_conf;
const char *ashlar_conf = "harden:1,quarantine:64K";

static size_t in_use(void)
{
	size_t used = 0;

	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h))
		used += hpheap_used(h);
	return used;
}

static char *get(size_t size, size_t align)
{
	size_t stale;
	char *p = guarded_alloc(size, align, GUARDED_EXACT, &stale);

	if (!EXPECT(p, "NULL for %zu", size))
		abort();
	EXPECT(!((uintptr_t)p % align), "%p for %zu", (void *)p, align);
	if (stale < size)
		EXPECT_EQ(size - stale, first_nonzero(p + stale, size - stale));
	return p;
}

static void put(char *p)
{
	guarded_free(space_load(p), p);
}

static void sizes_and_alignments(void)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 70 * KIB + 3,
				       2 * MIB, 2 * MIB + 1, 9 * MIB};
	size_t before = large_bytes(), used = in_use(), align;
	u64 guards = guard_count();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (align = 1; align <= 8 * MIB; align *= 8) {
			char *p = get(sizes[i], align);

			EXPECT_EQ(sizes[i], guarded_size(space_load(p), p));
			EXPECT_EQ(guards + (align > 4096 ? 1 : 2),
				  guard_count());
			memset(p, 1, sizes[i]);
			put(p);
			EXPECT_EQ(before, large_bytes());
			quarantine_drain();
			EXPECT(!space_load(p), "%p still marked", (void *)p);
			EXPECT_EQ(guards, guard_count());
			EXPECT_EQ(used, in_use());
		}
}

static void impossible(void)
{
	size_t used = in_use();
	size_t stale;

	EXPECT(!guarded_alloc((size_t)1 << 45, 1, GUARDED_EXACT, &stale),
	       "32 TiB");
	EXPECT(!guarded_alloc(PTRDIFF_MAX, 1, GUARDED_ROOMY, &stale),
	       "all of it");
	EXPECT(!guarded_alloc(1, (size_t)1 << 50, GUARDED_EXACT, &stale),
	       "aligned");
	EXPECT_EQ(used, in_use());
}

static void in_place(void)
{
	size_t before = large_bytes(), used = in_use();
	size_t stale;
	char *p = guarded_alloc(MIB, 1, GUARDED_ROOMY, &stale);
	u64 entry = space_load(p);

	pattern_fill(p, MIB, 1);
	EXPECT(guarded_resize(entry, p, MIB + 200 * KIB), "no room");
	EXPECT(pattern_holds(p, MIB, 1), "lost");
	memset(p, 2, MIB + 200 * KIB);
	EXPECT_EQ(MIB + 200 * KIB, guarded_size(entry, p));
	EXPECT_EQ(before + MIB + 200 * KIB, large_bytes());
	EXPECT(guarded_resize(entry, p, MIB + 199 * KIB + 1), "in its page");
	EXPECT(!guarded_resize(entry, p, MIB), "shrinks to another place");
	EXPECT(guarded_resize(entry, p, MIB + 256 * KIB), "no room");
	EXPECT(!guarded_resize(entry, p, MIB + 256 * KIB + 1), "no guard left");
	EXPECT_EQ(MIB + 256 * KIB, guarded_size(entry, p));
	put(p);
	quarantine_drain();
	EXPECT_EQ(before, large_bytes());
	EXPECT_EQ(used, in_use());
}

/* A freed one is known until it leaves, and its memory goes at once. */
static void waits(void)
{
	size_t used = in_use(), waiting = quarantine_bytes();
	char *p = get(MIB, 1);
	u64 entry = space_load(p);

	memset(p, 1, MIB);
	put(p);
	EXPECT_EQ(entry, space_load(p));
	EXPECT_EQ(waiting + MIB / 64 + UNIT_SIZE + 16, quarantine_bytes());
	EXPECT(get(MIB, 1) != p, "handed out while it waits");
	for (int i = 0; i < 10 && space_load(p) == entry; i++)
		put(get(MIB, 1));
	EXPECT(space_load(p) != entry, "still waits");
	/* So large a one would drive out all others. */
	p = get(8 * MIB, 1);
	put(p);
	EXPECT(!space_load(p), "waits");
	EXPECT(in_use() > used, "nothing waits");
}

static int free_twice(void *arg)
{
	char *p = get(100 * KIB, 1);

	(void)arg;
	signal(SIGABRT, SIG_DFL);
	put(p);
	put(p);
	return 0;
}

static int free_overflown(void *arg)
{
	char *p = get(100 * KIB + 7, 1);

	(void)arg;
	signal(SIGABRT, SIG_DFL);
	p[100 * KIB + 7] = 0;
	put(p);
	return 0;
}

static void misuse(void)
{
	struct child child;

	child_call(&child, free_twice, NULL);
	EXPECT_EQ(-SIGABRT, child_code(&child));
	EXPECT(strstr(child.text, "double free"), "%s", child.text);
	child_call(&child, free_overflown, NULL);
	EXPECT_EQ(-SIGABRT, child_code(&child));
	EXPECT(strstr(child.text, "overflow"), "%s", child.text);
}

/* All slots of a slab, each once, and in no order. */
static void slots_at_random(void)
{
	const struct slab_want want = {.class = 3, .owner = 7};
	struct slab *s[SLAB_BATCH];
	struct slab_rest rest = {0, 0};
	void *objs[MAX_SLAB_OBJS];
	unsigned int n, nr = 0, in_order = 0, total;

	if (!EXPECT_EQ(1, slab_create(&want, SLAB_BATCH, s)))
		return;
	total = s[0]->nr_objs;
	while ((n = slab_take(s[0], objs + nr, 1 + nr % 5)))
		nr += n;
	EXPECT_EQ(total, nr);
	for (n = 1; n < nr; n++)
		in_order += objs[n] == (char *)objs[n - 1] + 64;
	EXPECT(in_order < nr / 8, "%u of %u in order", in_order, nr);
	/* Each once, or this would not take them all. */
	EXPECT_EQ(nr, slab_put(s[0], objs, nr));
	EXPECT_EQ(nr, s[0]->nr_free);
	slab_destroy(s[0], &rest);
	slab_flush(&rest);
}

/* One unit in so many is a guard. */
static void slabs_have_guards(void)
{
	const struct slab_want want = {.class = 3, .owner = 7};
	enum { NR = 64, UNITS = 4 };
	struct slab *s[NR][SLAB_BATCH];
	struct slab_rest rest = {0, 0};
	u64 before = guard_count();
	size_t used = in_use();

	for (unsigned int i = 0; i < NR; i++)
		EXPECT_EQ(1, slab_create(&want, SLAB_BATCH, s[i]));
	EXPECT_EQ(before + NR * UNITS / 16, guard_count());
	EXPECT_EQ(used + (size_t)(NR * UNITS + NR * UNITS / 16) * UNIT_SIZE,
		  in_use());
	for (unsigned int i = 0; i < NR; i++)
		slab_destroy(s[i][0], &rest);
	slab_flush(&rest);
	EXPECT_EQ(before, guard_count());
	EXPECT_EQ(used, in_use());
}

static const struct ktap_test tests[] = {
	{"sizes_and_alignments", sizes_and_alignments},
	{"impossible", impossible},
	{"in_place", in_place},
	{"waits", waits},
	{"misuse", misuse},
	{"slots_at_random", slots_at_random},
	{"slabs_have_guards", slabs_have_guards},
	{},
};

int main(int argc, char **argv)
{
	return process_init() ? ktap_main(tests, argc, argv) : 1;
}
