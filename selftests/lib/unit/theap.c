// SPDX-License-Identifier: MIT
/*
 * theap.c - thread heaps, parcels and large allocations, called as the slow
 * paths call them: what is handed out is of the heap and handed out once, what
 * comes back by any way is counted, and a heap that has all of it back gives
 * all of its slabs back.
 */
#include "ktap.h"
#include "testlib.h"

#include <string.h>

#include "heap/large.h"
#include "heap/parcel.h"
#include "heap/process.h"
#include "heap/theap.h"
#include "hpheap/hpheap.h"

enum { NR_OBJS = 3000, CLASS_A = 3, CLASS_B = 60 };

static void *objs[NR_OBJS];
static struct theap *heap;

static int set_up(void)
{
	if (!EXPECT(process_init(), "the library can't be set up"))
		return 0;
	heap = theap_acquire();
	return EXPECT(heap, "no heap");
}

/* Nothing is in use of it, and it is nobody's. */
static void tear_down(void)
{
	EXPECT_EQ(0, theap_used(heap));
	theap_release(heap);
	lock_acquire(&heap->lock);
	theap_trim(heap, 0);
	lock_release(&heap->lock);
	EXPECT_EQ(0, heap->spare_units);
	EXPECT_EQ(0, heap->slab_bytes);
	for (unsigned int c = 0; c < NR_CLASSES; c++)
		EXPECT_EQ(0, theap_class_bytes(heap, c));
}

static int compare(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (void *const *)a;
	uintptr_t y = (uintptr_t) * (void *const *)b;

	return (x > y) - (x < y);
}

static void refill(unsigned int c, void **into, unsigned int nr)
{
	unsigned int got = 0, n;

	while (got < nr) {
		n = theap_refill(heap, c, into + got, min_size(nr - got, 61));
		if (!EXPECT(n, "out of memory at %u", got))
			return;
		got += n;
	}
	for (unsigned int i = 0; i < nr; i++)
		EXPECT_EQ(heap->id << ENTRY_OWNER_SHIFT | c,
			  space_low(into[i]));
}

static void shuffle(void)
{
	struct rng rng = {3};

	for (unsigned int i = NR_OBJS; i > 1; i--) {
		unsigned int j = (unsigned int)rng_below(&rng, i);
		void *other = objs[j];

		objs[j] = objs[i - 1];
		objs[i - 1] = other;
	}
}

static void handed_out_once(void)
{
	if (!set_up())
		return;
	for (unsigned int c = 0; c < NR_CLASSES; c += 9) {
		size_t size = size_classes[c].size;

		refill(c, objs, NR_OBJS);
		EXPECT_EQ(NR_OBJS * size, theap_used(heap));
		qsort(objs, NR_OBJS, sizeof(*objs), compare);
		for (unsigned int i = 1; i < NR_OBJS; i++)
			EXPECT((char *)objs[i - 1] + size <= (char *)objs[i],
			       "%p and %p of %zu bytes", objs[i - 1], objs[i],
			       size);
		theap_return(heap, c, objs, NR_OBJS);
	}
	tear_down();
}

static void any_order(void)
{
	if (!set_up())
		return;
	for (int round = 0; round < 3; round++) {
		refill(CLASS_A, objs, NR_OBJS);
		shuffle();
		for (unsigned int i = 0; i < NR_OBJS; i += 100)
			theap_return(heap, CLASS_A, objs + i, 100);
	}
	EXPECT(heap->spare_units <= heap->max_spare + 1, "%u units kept",
	       heap->spare_units);
	tear_down();
}

/* Two classes mixed, as the frees of another thread are. */
static void send_all(struct tcache *t)
{
	for (unsigned int i = 0; i < NR_OBJS;) {
		struct parcel *p = parcel_get(t);

		if (!EXPECT(p, "no parcel"))
			return;
		for (p->nr = 0; p->nr < PARCEL_OBJS && i < NR_OBJS; p->nr++)
			p->objs[p->nr] = objs[i++];
		EXPECT(parcel_send(heap, p), "nothing in the inbox");
	}
}

static unsigned int chain_len(struct parcel *p)
{
	unsigned int nr = 0;

	for (; p; p = p->next)
		nr++;
	return nr;
}

static void by_parcel(void)
{
	struct tcache *t = &tcache;
	unsigned int nr = (NR_OBJS + PARCEL_OBJS - 1) / PARCEL_OBJS;

	if (!set_up())
		return;
	for (int round = 0; round < 3; round++) {
		refill(CLASS_A, objs, NR_OBJS / 2);
		refill(CLASS_B, objs + NR_OBJS / 2, NR_OBJS - NR_OBJS / 2);
		shuffle();
		parcel_fetch_empties(t, heap);
		/* From the second round on they are those of the first. */
		EXPECT_EQ(round ? nr : 0, chain_len(t->parcels));
		send_all(t);
		EXPECT_EQ(0, chain_len(t->parcels));
		lock_acquire(&heap->lock);
		theap_drain(heap);
		lock_release(&heap->lock);
		EXPECT_EQ(0, theap_used(heap));
		EXPECT(!parcel_take_inbox(heap), "the inbox is not empty");
		EXPECT_EQ(nr, chain_len(heap->empties));
	}
	EXPECT_EQ(3 * NR_OBJS, heap->nr_remote);
	parcel_fetch_empties(t, heap);
	parcel_put_all(t);
	tear_down();
}

static void idle_heap_is_taken_over(void)
{
	struct theap *first;

	if (!set_up())
		return;
	first = heap;
	refill(CLASS_A, objs, 10);
	theap_release(heap);
	heap = theap_acquire();
	EXPECT(heap == first, "another heap, %u, not %u", heap->id, first->id);
	theap_return(heap, CLASS_A, objs, 10);
	tear_down();
}

/*
 * Threads start with empty slabs of those that ended last; others that ended
 * keep none.
 */
static void heirs_start_with_slabs(void)
{
	enum { NR_HEAPS = 9 };
	struct theap *heaps[NR_HEAPS];
	unsigned int i, nr = 0, units = 0;

	for (i = 0; i < NR_HEAPS; i++) {
		heaps[i] = heap = theap_acquire();
		if (!EXPECT(heap, "no heap"))
			return;
		atomic_store(&heap->max_spare, 128);
		refill(CLASS_A, objs, 10);
		theap_return(heap, CLASS_A, objs, 10);
		EXPECT(heap->spare_units, "no empty slab");
	}
	for (i = 0; i < NR_HEAPS; i++)
		theap_release(heaps[i]);
	for (i = 0; i < NR_HEAPS; i++) {
		nr += heaps[i]->spare_units > 0;
		units += heaps[i]->spare_units;
	}
	EXPECT_EQ(4, nr);
	EXPECT(units <= 4 * 128, "%u units kept", units);
	heap = theap_acquire();
	EXPECT(heap == heaps[NR_HEAPS - 1], "not the last");
	EXPECT(heap->spare_units, "starts with nothing");
	process_purge_all();
	EXPECT_EQ(0, heaps[NR_HEAPS - 2]->spare_units);
	tear_down();
}

/* An empty slab serves another class whose slabs have the same length. */
static void empty_slabs_turn(void)
{
	enum { CLASS_TWIN = CLASS_A + 1 };
	unsigned int spare;
	size_t bytes;

	if (!set_up())
		return;
	heap->max_spare = 512;
	refill(CLASS_A, objs, NR_OBJS);
	theap_return(heap, CLASS_A, objs, NR_OBJS);
	spare = heap->spare_units;
	bytes = heap->slab_bytes;
	if (!EXPECT(spare > size_classes[CLASS_TWIN].units, "%u units spare",
		    spare))
		return;
	EXPECT_EQ(size_classes[CLASS_A].units, size_classes[CLASS_TWIN].units);
	refill(CLASS_TWIN, objs, 1);
	EXPECT_EQ(bytes, heap->slab_bytes);
	EXPECT_EQ((size_t)size_classes[CLASS_TWIN].nr_objs *
			  size_classes[CLASS_TWIN].size,
		  theap_class_bytes(heap, CLASS_TWIN));
	EXPECT(heap->spare_units < spare, "%u units still spare", spare);
	lock_acquire(&heap->lock);
	theap_check(heap);
	lock_release(&heap->lock);
	theap_return(heap, CLASS_TWIN, objs, 1);
	tear_down();
}

/* What does not serve goes back before the heap grows by as much again. */
static void empty_slabs_make_room(void)
{
	enum { CLASS_C = 18, NR = 600, SLACK_PART = 4 };
	size_t bytes, more = (size_t)NR * size_classes[CLASS_C].size;

	if (!set_up())
		return;
	heap->max_spare = 512;
	EXPECT(size_classes[CLASS_A].units != size_classes[CLASS_C].units,
	       "slabs of one length");
	refill(CLASS_A, objs, NR_OBJS);
	theap_return(heap, CLASS_A, objs, NR_OBJS);
	bytes = heap->slab_bytes;
	refill(CLASS_C, objs, NR);
	EXPECT(heap->slab_bytes < bytes + more / SLACK_PART,
	       "%zu bytes of slabs after %zu and %zu", heap->slab_bytes, bytes,
	       more);
	theap_return(heap, CLASS_C, objs, NR);
	tear_down();
}

/* A class that has grown by them, and goes, is one that comes and goes. */
static void growth_by_turning_counts(void)
{
	enum { CLASS_C = 62, CLASS_TWIN = 63, NR = 300 };
	size_t bytes;

	if (!set_up())
		return;
	heap->max_spare = 512;
	memset(heap->turnover, 0, sizeof(heap->turnover));
	refill(CLASS_C, objs, NR_OBJS);
	theap_return(heap, CLASS_C, objs, NR_OBJS);
	bytes = heap->slab_bytes;
	refill(CLASS_TWIN, objs, NR);
	EXPECT_EQ(bytes, heap->slab_bytes);
	theap_return(heap, CLASS_TWIN, objs, NR);
	lock_acquire(&heap->lock);
	theap_trim(heap, 0);
	lock_release(&heap->lock);
	EXPECT(heap->turnover[CLASS_TWIN].is_fleeting, "not noted");
	tear_down();
}

static void large(void)
{
	size_t before, nr = large_count(), size = 100000;
	size_t stale;
	u64 entry;
	char *p;

	if (!set_up())
		return;
	before = large_bytes();
	for (size_t align = 1; align <= 4 << 20; align *= 8) {
		p = large_alloc(size, align, &stale);
		if (!EXPECT(p, "no memory"))
			break;
		EXPECT(!((uintptr_t)p % align), "%p for %zu", p, align);
		entry = space_load(p);
		EXPECT_EQ(CLASS_LARGE, (u8)entry);
		EXPECT_EQ(align_up(size, UNIT_SIZE), large_usable(entry));
		EXPECT_EQ(before + align_up(size, UNIT_SIZE), large_bytes());
		EXPECT(large_resize(entry, p, size / 2) == p, "not in place");
		EXPECT_EQ(align_up(size / 2, UNIT_SIZE), large_usable(entry));
		large_free(entry, p);
		EXPECT_EQ(0, space_load(p));
		EXPECT_EQ(before, large_bytes());
	}
	EXPECT_EQ(nr, large_count());
	tear_down();
}

static size_t nr_dirty(void)
{
	struct hpheap_stats sum = {0};

	hpheap_stats_add(hpheap_get(0), &sum);
	return sum.dirty;
}

/*
 * Every class by turns, hardly anything freed: slabs that came in batches drive
 * none out that others have not used yet, which would leave holes.
 */
static void growth_leaves_no_holes(void)
{
	enum { EACH = 300 };
	static void *all[NR_CLASSES][EACH];
	size_t dirty;

	if (!set_up())
		return;
	heap->max_spare = 128;
	dirty = nr_dirty();
	for (unsigned int i = 0; i < EACH; i++) {
		for (unsigned int c = 0; c < NR_CLASSES; c++)
			EXPECT_EQ(1, theap_refill(heap, c, &all[c][i], 1));
		/* A look at how much is spare. */
		theap_return(heap, 0, &all[0][i], 1);
		EXPECT_EQ(1, theap_refill(heap, 0, &all[0][i], 1));
	}
	EXPECT(nr_dirty() <= dirty, "%zu bytes of holes", nr_dirty() - dirty);
	for (unsigned int c = 0; c < NR_CLASSES; c++)
		theap_return(heap, c, all[c], EACH);
	tear_down();
}

static const struct ktap_test tests[] = {
	{"growth_leaves_no_holes", growth_leaves_no_holes},
	{"handed_out_once", handed_out_once},
	{"any_order", any_order},
	{"by_parcel", by_parcel},
	{"idle_heap_is_taken_over", idle_heap_is_taken_over},
	{"heirs_start_with_slabs", heirs_start_with_slabs},
	{"empty_slabs_turn", empty_slabs_turn},
	{"empty_slabs_make_room", empty_slabs_make_room},
	{"growth_by_turning_counts", growth_by_turning_counts},
	{"large", large},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
