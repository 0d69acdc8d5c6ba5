// SPDX-License-Identifier: MIT
/*
 * mixing.c - when a thread heap mixes slabs, and what becomes of objects of
 * them: 20 MiB of one size, a third of which stays, and then another size; and
 * forty sizes, any as likely as the next, again and again.
 */
#include "ktap.h"
#include "testlib.h"

#include <sys/mman.h>

#include "heap/mixing.h"
#include "heap/process.h"
#include "heap/reclaim.h"
#include "hpheap/limit.h"
#include "hpheap/purge.h"
#include "os/sys.h"
#include "rt/conf.h"

enum {
	CLASS_A = 12, /* 208 bytes */
	CLASS_B = 31, /* 512 bytes */
	NR_A = (20 << 20) / 208,
	NR_B = 2000,
	MOST_CLASSES = 40, /* 16 to 640 bytes */
	NR_STEADY = (24 << 20) / 328, /* of all of them */
	BATCH = 50,
};

static void *a_objs[NR_A], *b_objs[NR_B];
static unsigned int nr_a;
static struct theap *heap;

static void put(void *obj, unsigned int c)
{
	if ((u8)space_low(obj) == CLASS_MIXED)
		mixing_free(heap, obj);
	else
		theap_return(heap, c, &obj, 1);
}

static void refill(unsigned int c, void **into, unsigned int nr)
{
	unsigned int got = 0, n;

	for (; got < nr; got += n) {
		n = theap_refill(heap, c, into + got,
				 min_size(nr - got, BATCH));
		if (!EXPECT(n, "out of memory at %u", got))
			return;
	}
}

static void check(void)
{
	lock_acquire(&heap->lock);
	theap_check(heap);
	lock_release(&heap->lock);
}

static bool acquire(void)
{
	if (!EXPECT(process_init(), "the library can't be set up"))
		return false;
	heap = theap_acquire();
	return EXPECT(heap, "no heap");
}

/* @nr objects, a third of which stays. */
static bool set_up(unsigned int nr)
{
	struct rng rng = {7};

	if (!acquire())
		return false;
	refill(CLASS_A, a_objs, nr);
	nr_a = 0;
	for (unsigned int i = 0; i < nr; i++) {
		if (rng_below(&rng, 3))
			put(a_objs[i], CLASS_A);
		else
			a_objs[nr_a++] = a_objs[i];
	}
	return true;
}

static void tear_down(void)
{
	for (unsigned int i = 0; i < NR_B; i++)
		put(b_objs[i], CLASS_B);
	for (unsigned int i = 0; i < nr_a; i++)
		put(a_objs[i], CLASS_A);
	mixing_flush(heap);
	check();
	EXPECT_EQ(0, theap_used(heap));
	EXPECT(!heap->mixed, "a mixed slab is left");
	theap_release(heap);
	EXPECT_EQ(0, heap->slab_bytes);
}

static unsigned int nr_mixed(void)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < NR_B; i++)
		nr += (u8)space_low(b_objs[i]) == CLASS_MIXED;
	return nr;
}

static int compare(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (void *const *)a;
	uintptr_t y = (uintptr_t) * (void *const *)b;

	return (x > y) - (x < y);
}

/* What one class leaves vacant serves the other, and no byte twice. */
static void room_is_shared(void)
{
	static void *all[NR_A + NR_B];
	size_t before, size;

	if (!set_up(NR_A))
		return;
	before = heap->slab_bytes;
	refill(CLASS_B, b_objs, NR_B);
	check();
	EXPECT_EQ(before, heap->slab_bytes);
	EXPECT_EQ(NR_B, nr_mixed());
	memcpy(all, a_objs, nr_a * sizeof(void *));
	memcpy(all + nr_a, b_objs, sizeof(b_objs));
	qsort(all, nr_a + NR_B, sizeof(void *), compare);
	for (unsigned int i = 0; i + 1 < nr_a + NR_B; i++) {
		size = slab_object_size(space_load(all[i]), all[i]);
		EXPECT((char *)all[i] + size <= (char *)all[i + 1],
		       "%p of %zu reaches into %p", all[i], size, all[i + 1]);
	}
	tear_down();
}

static bool is_resident(const void *p)
{
	unsigned char in_core = 0;

	mincore((void *)align_down((uintptr_t)p, os_page_size), 1, &in_core);
	return in_core & 1;
}

static void purge_all(void)
{
	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h))
		purge_run(h, PURGE_ALL, UINT_MAX);
}

/* When all has gone, what was noted of mixed slabs takes no memory. */
static void notes_go_too(void)
{
	const void *notes;

	if (!set_up(NR_A))
		return;
	refill(CLASS_B, b_objs, NR_B);
	notes = slab_of_entry(space_load(b_objs[0]))->mix.granules;
	EXPECT(is_resident(notes), "no notes at %p", notes);
	tear_down();
	purge_all();
	EXPECT(!is_resident(notes), "notes at %p", notes);
}

/* Slabs of which every other unit was given back serve as others do. */
static void hollow_slabs_too(void)
{
	unsigned int nr = 0;
	size_t before;

	if (!set_up(NR_A))
		return;
	for (unsigned int i = 0; i < nr_a; i++) {
		if (space_unit(a_objs[i]) % 2)
			put(a_objs[i], CLASS_A);
		else
			a_objs[nr++] = a_objs[i];
	}
	nr_a = nr;
	EXPECT(reclaim_slabs(RECLAIM_ALL) > 1000, "few units are hollow");
	before = heap->slab_bytes;
	refill(CLASS_B, b_objs, NR_B);
	check();
	EXPECT_EQ(before, heap->slab_bytes);
	EXPECT_EQ(NR_B, nr_mixed());
	for (unsigned int i = 0; i < NR_B; i++)
		memset(b_objs[i], 1, 512);
	tear_down();
}

static void small_heap_stays_plain(void)
{
	if (!set_up(NR_A / 2))
		return;
	refill(CLASS_B, b_objs, NR_B);
	EXPECT_EQ(0, nr_mixed());
	tear_down();
}

/* At the hard limit what is vacant serves in a small heap, too. */
static void last_resort(void)
{
	static void *objs[2 * NR_A / 5];
	unsigned int nr = 0, n;
	size_t vacant;

	if (!set_up(NR_A / 2))
		return;
	vacant = theap_vacant(heap);
	purge_all();
	conf.hard_limit = align_up(limit_held(), 1 << 20);
	limit_init();
	while ((n = theap_refill(heap, CLASS_B, objs + nr,
				 min_size(BATCH, ARRAY_SIZE(objs) - nr))))
		nr += n;
	check();
	EXPECT(nr < ARRAY_SIZE(objs), "never refused");
	EXPECT(nr * 512 > vacant / 2, "%u objects, %zu vacant", nr, vacant);
	while (nr)
		put(objs[--nr], CLASS_B);
	refill(CLASS_B, b_objs, NR_B);
	tear_down();
	conf.hard_limit = 0;
	limit_init();
}

/* 16 bytes, until somebody asks for more. */
static void aligned_when_asked(void)
{
	unsigned int nr_odd = 0, i;

	if (!set_up(NR_A))
		return;
	refill(CLASS_B, b_objs, NR_B);
	for (i = 0; i < NR_B; i++) {
		EXPECT(!((uintptr_t)b_objs[i] % 16), "%p", b_objs[i]);
		nr_odd += (uintptr_t)b_objs[i] % 512 != 0;
	}
	EXPECT(nr_odd > NR_B / 2, "%u objects need no alignment", nr_odd);
	mixing_align(heap, CLASS_B);
	for (i = 0; i < NR_B; i++)
		put(b_objs[i], CLASS_B);
	mixing_flush(heap);
	refill(CLASS_B, b_objs, NR_B);
	for (i = 0; i < NR_B; i++)
		EXPECT(!((uintptr_t)b_objs[i] % 512), "%p", b_objs[i]);
	EXPECT(nr_mixed(), "none of a mixed slab");
	heap->aligned = 0;
	tear_down();
}

/* Strain ends when the heap was freed over without a change, not before. */
static void strain_passes(void)
{
	size_t freed = 0, size = size_classes[CLASS_B].size;

	if (!set_up(NR_A))
		return;
	refill(CLASS_B, b_objs, NR_B);
	EXPECT(!mixing_is_calm(heap), "calm though slabs were mixed");
	while (!mixing_is_calm(heap) && freed < 16 * heap->slab_bytes) {
		for (unsigned int i = 0; i < BATCH; i++)
			put(b_objs[i], CLASS_B);
		refill(CLASS_B, b_objs, BATCH);
		freed += BATCH * size;
	}
	EXPECT(freed >= heap->slab_bytes, "calm after %zu bytes", freed);
	EXPECT(freed < 16 * heap->slab_bytes, "never calm");
	tear_down();
}

/* As many objects of a size more as there are fewer of it later: no reason. */
static void same_mix_stays_plain(void)
{
	static void *objs[NR_STEADY];
	static unsigned int class[NR_STEADY];
	unsigned int nr_mixed = 0;
	struct rng rng = {7};
	size_t before;

	if (!acquire())
		return;
	heap->strain = 0;
	for (unsigned int i = 0; i < NR_STEADY; i++) {
		class[i] = rng_below(&rng, MOST_CLASSES);
		refill(class[i], &objs[i], 1);
	}
	before = heap->slab_bytes;
	for (unsigned int n = 0; n < 8 * NR_STEADY; n++) {
		unsigned int i = rng_below(&rng, NR_STEADY);

		put(objs[i], class[i]);
		class[i] = rng_below(&rng, MOST_CLASSES);
		refill(class[i], &objs[i], 1);
		nr_mixed += (u8)space_low(objs[i]) == CLASS_MIXED;
	}
	EXPECT_EQ(0, nr_mixed);
	EXPECT(heap->slab_bytes <= before + before / 16, "%zu -> %zu bytes",
	       before, heap->slab_bytes);
	check();
	for (unsigned int i = 0; i < NR_STEADY; i++)
		put(objs[i], class[i]);
	theap_release(heap);
	EXPECT_EQ(0, heap->slab_bytes);
}

static const struct ktap_test tests[] = {
	{"room_is_shared", room_is_shared},
	{"notes_go_too", notes_go_too},
	{"hollow_slabs_too", hollow_slabs_too},
	{"small_heap_stays_plain", small_heap_stays_plain},
	{"last_resort", last_resort},
	{"aligned_when_asked", aligned_when_asked},
	{"strain_passes", strain_passes},
	{"same_mix_stays_plain", same_mix_stays_plain},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
