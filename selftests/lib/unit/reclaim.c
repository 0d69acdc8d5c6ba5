// SPDX-License-Identifier: MIT
/*
 * reclaim.c - the walk over slabs: what is vacant goes back, live neighbours
 * stay; asked for what is sparse, it takes nothing that is in change nor dense,
 * and all of a heap that has rested; what went back is counted once, reads as
 * zeroes and can be used again; the heap works on meanwhile, but not with what
 * goes; no walk begins while a fork holds it off.
 */
#include "ktap.h"
#include "testlib.h"

#include <pthread.h>

#include "heap/process.h"
#include "heap/reclaim.h"
#include "heap/theap.h"
#include "hpheap/purge.h"
#include "rt/conf.h"
#include "slab/slab.h"

/* 4 KiB and 64 bytes; slabs of 8 units and of 4. */
enum { PAGE_CLASS = NR_FINE + 31, SMALL_CLASS = 3, NR = 4096 };

/*
 * Small ones that fill the first four slabs, of one unit, and others of four:
 * fewer than would have a class get longer ones.
 */
enum { NR_SLABS = 12, NR_SMALL = 4 * 64 + NR_SLABS * 256 };

static struct theap *heap;
static char *objs[NR];

static int set_up(unsigned int c, unsigned int nr)
{
	if (!EXPECT(process_init(), "the library can't be set up"))
		return 0;
	purge_enable();
	heap = theap_acquire();
	if (!EXPECT(heap, "no heap"))
		return 0;
	for (unsigned int i = 0; i < nr; i++) {
		if (!EXPECT(theap_refill(heap, c, (void **)&objs[i], 1),
			    "out of memory"))
			return 0;
		pattern_fill(objs[i], size_classes[c].size, i);
	}
	return 1;
}

static void give(unsigned int c, unsigned int i)
{
	theap_return(heap, c, (void **)&objs[i], 1);
	objs[i] = NULL;
}

/* What is live is as it was. */
static void tear_down(unsigned int c, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (!objs[i])
			continue;
		EXPECT(pattern_holds(objs[i], size_classes[c].size, i),
		       "object %u overwritten", i);
		give(c, i);
	}
	EXPECT_EQ(0, theap_used(heap));
	theap_release(heap);
	EXPECT_EQ(0, heap->slab_bytes);
}

static void vacant_goes_back(void)
{
	if (!set_up(PAGE_CLASS, 64))
		return;
	EXPECT_EQ(0, reclaim_slabs(RECLAIM_ALL));
	for (unsigned int i = 0; i < 64; i += 2)
		give(PAGE_CLASS, i);
	EXPECT_EQ(32, reclaim_slabs(RECLAIM_ALL));
	EXPECT_EQ(0, reclaim_slabs(RECLAIM_ALL)); /* gone already */
	/* Used again, zero, and vacant again. */
	for (unsigned int i = 0; i < 64; i += 2) {
		EXPECT(theap_refill(heap, PAGE_CLASS, (void **)&objs[i], 1),
		       "out of memory");
		EXPECT_EQ(4096, first_nonzero(objs[i], 4096));
		pattern_fill(objs[i], 4096, i);
	}
	EXPECT_EQ(0, reclaim_slabs(RECLAIM_ALL));
	give(PAGE_CLASS, 7);
	EXPECT_EQ(1, reclaim_slabs(RECLAIM_ALL));
	tear_down(PAGE_CLASS, 64);
}

/* One small object keeps its page. */
static void live_ones_keep_pages(void)
{
	if (!set_up(SMALL_CLASS, NR_SMALL))
		return;
	for (unsigned int i = 0; i < NR_SMALL; i++)
		if ((uintptr_t)objs[i] % UNIT_SIZE)
			give(SMALL_CLASS, i);
	EXPECT_EQ(0, reclaim_slabs(RECLAIM_ALL));
	/* The last of the four of each slab, that slabs do not empty. */
	for (unsigned int i = 0; i < NR_SMALL; i++)
		if (objs[i] && slab_of_entry(space_load(objs[i]))->span.unit +
					       3 == space_unit(objs[i]))
			give(SMALL_CLASS, i);
	EXPECT_EQ(NR_SLABS, reclaim_slabs(RECLAIM_ALL));
	tear_down(SMALL_CLASS, NR_SMALL);
}

/* A walk takes what has rested since the last one, from sparse huge pages. */
static void sparse_and_quiet(void)
{
	if (!set_up(PAGE_CLASS, NR))
		return;
	for (unsigned int i = 0; i < NR; i++)
		if (i % 8 == 7)
			give(PAGE_CLASS, i);
	/* Seven eighths in use: not worth a huge page. */
	for (unsigned int i = 0; i < 3; i++)
		EXPECT(reclaim_slabs(RECLAIM_SPARSE) < 64, "dense ones taken");
	for (unsigned int i = 0; i < NR; i++)
		if (i % 8 > 0 && i % 8 < 7)
			give(PAGE_CLASS, i);
	EXPECT(reclaim_slabs(RECLAIM_SPARSE) < 64, "taken in change");
	EXPECT(reclaim_slabs(RECLAIM_SPARSE) > NR / 2, "not taken at rest");
	tear_down(PAGE_CLASS, NR);
}

/* What has rested for the decay time is known without a walk before. */
static void settled(void)
{
	u64 at = 1000, span = decay_span(conf.dirty_decay_ms);

	if (!set_up(PAGE_CLASS, NR))
		return;
	EXPECT(!reclaim_settle(at), "settled though all is in use");
	for (unsigned int i = 0; i < NR; i++)
		if (i % 8)
			give(PAGE_CLASS, i);
	EXPECT(!reclaim_settle(at += span), "settled, but just now in change");
	EXPECT(!reclaim_settle(at + span - 1), "settled too early");
	EXPECT(reclaim_settle(at += span), "not settled");
	EXPECT(!reclaim_settle(at += span), "settled twice");
	EXPECT(reclaim_slabs(RECLAIM_SPARSE) > NR / 2, "not taken at rest");
	tear_down(PAGE_CLASS, NR);
}

static void disabled(void)
{
	if (!set_up(PAGE_CLASS, 64))
		return;
	for (unsigned int i = 0; i < 64; i += 2)
		give(PAGE_CLASS, i);
	purge_disable();
	EXPECT_EQ(0, reclaim_slabs(RECLAIM_ALL));
	purge_enable();
	EXPECT_EQ(32, reclaim_slabs(RECLAIM_ALL));
	tear_down(PAGE_CLASS, 64);
}

void __real_hpheap_hollow(const struct hollow *parts, unsigned int nr);
void __wrap_hpheap_hollow(const struct hollow *parts, unsigned int nr);

static char *gone; /* an object that was given back */
/* Called once, before parts go back. */
static void (*meanwhile)(const struct hollow *parts, unsigned int nr);

void __wrap_hpheap_hollow(const struct hollow *parts, unsigned int nr)
{
	void (*fn)(const struct hollow *, unsigned int) = meanwhile;

	meanwhile = NULL;
	if (fn)
		fn(parts, nr);
	__real_hpheap_hollow(parts, nr);
}

static bool is_in(const struct hollow *parts, unsigned int nr, const void *p)
{
	for (unsigned int i = 0; i < nr; i++)
		if (space_unit(p) - parts[i].unit < parts[i].nr_units)
			return true;
	return false;
}

/* The last object is the only free one that is not going. */
static void take_two(const struct hollow *parts, unsigned int nr)
{
	size_t bytes = heap->slab_bytes;
	bool is_free = lock_try(&heap->lock);
	char *p[2] = {NULL};

	EXPECT_EQ(NR_SLABS - 1, nr);
	if (!EXPECT(is_free, "the heap waits for the kernel"))
		return;
	lock_release(&heap->lock);
	EXPECT_EQ(1, theap_refill(heap, SMALL_CLASS, (void **)&p[0], 1));
	EXPECT(p[0] == gone && heap->slab_bytes == bytes,
	       "not the one that stays");
	EXPECT_EQ(1, theap_refill(heap, SMALL_CLASS, (void **)&p[1], 1));
	EXPECT(!is_in(parts, nr, p[1]), "handed out while it goes");
	for (unsigned int i = 0, n = 0; n < 2; i++) {
		if (objs[i])
			continue;
		objs[i] = p[n++];
		pattern_fill(objs[i], size_classes[SMALL_CLASS].size, i);
	}
}

/* A heap waits for no slab that goes, and hands nothing of it out. */
static void works_on(void)
{
	if (!set_up(SMALL_CLASS, NR_SMALL))
		return;
	for (unsigned int i = 0; i < NR_SMALL - 256; i++)
		if (slab_of_entry(space_load(objs[i]))->span.unit + 3 ==
		    space_unit(objs[i]))
			give(SMALL_CLASS, i);
	gone = objs[NR_SMALL - 1];
	give(SMALL_CLASS, NR_SMALL - 1);
	meanwhile = take_two;
	EXPECT_EQ(NR_SLABS - 1, reclaim_slabs(RECLAIM_ALL));
	EXPECT(!meanwhile, "nothing went");
	tear_down(SMALL_CLASS, NR_SMALL);
}

static _Atomic size_t walked;

static void *walk(void *arg)
{
	(void)arg;
	atomic_store(&walked, 1 + reclaim_slabs(RECLAIM_ALL));
	return NULL;
}

/* Between stop and resume nobody walks; after it the walk is done. */
static void held_off(void)
{
	const struct timespec pause = {0, 50000000};
	pthread_t thread;

	if (!set_up(PAGE_CLASS, 64))
		return;
	for (unsigned int i = 0; i < 64; i += 2)
		give(PAGE_CLASS, i);
	reclaim_stop();
	pthread_create(&thread, NULL, walk, NULL);
	nanosleep(&pause, NULL);
	EXPECT_EQ(0, atomic_load(&walked));
	reclaim_resume();
	pthread_join(thread, NULL);
	EXPECT_EQ(1 + 32, atomic_load(&walked));
	tear_down(PAGE_CLASS, 64);
}

static const struct ktap_test tests[] = {
	{"vacant_goes_back", vacant_goes_back},
	{"live_ones_keep_pages", live_ones_keep_pages},
	{"sparse_and_quiet", sparse_and_quiet},
	{"settled", settled},
	{"disabled", disabled},
	{"works_on", works_on},
	{"held_off", held_off},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
