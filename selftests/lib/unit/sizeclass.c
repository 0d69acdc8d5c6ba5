// SPDX-License-Identifier: MIT
/*
 * sizeclass.c - the table of size classes, computed anew from what its head
 * comment promises, and the division by multiplication for every offset.
 */
#include "ktap.h"
#include "testlib.h"

#include "slab/sizeclass.h"

/* Class 0 may stand for "none". */
static unsigned int first(void)
{
	return !size_classes[0].size;
}

static void rises_and_covers(void)
{
	unsigned int c;
	size_t size;

	EXPECT_EQ(SMALL_MAX, size_classes[NR_CLASSES - 1].size);
	EXPECT_EQ(16, size_classes[first()].size);
	for (c = first() + 1; c < NR_CLASSES; c++)
		EXPECT(size_classes[c].size > size_classes[c - 1].size,
		       "class %u of %u after %u", c, size_classes[c].size,
		       size_classes[c - 1].size);
	for (size = 1; size <= SMALL_MAX; size++) {
		c = size_class_of(size);
		if (!EXPECT(c >= first() && c < NR_CLASSES, "class %u of %zu",
			    c, size))
			continue;
		EXPECT(size_classes[c].size >= size &&
			       (!c || size_classes[c - 1].size < size),
		       "class %u (%u bytes) for %zu", c, size_classes[c].size,
		       size);
	}
}

static void aligned_to_16(void)
{
	unsigned int c;

	for (c = first(); c < NR_CLASSES; c++)
		EXPECT(size_classes[c].size % 16 == 0, "class %u of %u", c,
		       size_classes[c].size);
}

/* Waste inside an object: at most 15 bytes, or one 17th. */
static void waste_inside(void)
{
	size_t size, slot;

	for (size = 1; size <= SMALL_MAX; size++) {
		slot = size_classes[size_class_of(size)].size;
		EXPECT(slot - size <= 15 || (slot - size) * 17 <= slot,
		       "%zu bytes lost of %zu", slot - size, slot);
	}
}

static void slab_geometry(void)
{
	unsigned int c;

	for (c = first(); c < NR_CLASSES; c++) {
		const struct size_class *k = &size_classes[c];
		size_t len = (size_t)k->units * UNIT_SIZE;
		size_t most = len / k->size;

		if (most > MAX_SLAB_OBJS)
			most = MAX_SLAB_OBJS;
		EXPECT_EQ(most, k->nr_objs);
		EXPECT(k->units >= 4 || k->nr_objs == MAX_SLAB_OBJS,
		       "%u units of %u objects in class %u", k->units,
		       k->nr_objs, c);
		EXPECT(len < 1 << 18, "slab of %zu bytes in class %u", len, c);
		EXPECT(k->nr_objs >= (k->size > 4096 ? 4 : 7),
		       "%u objects in class %u", k->nr_objs, c);
		EXPECT((len - most * k->size) * 50 <= len,
		       "%zu of %zu bytes lost at the end, class %u",
		       len - most * k->size, len, c);
	}
}

static void division_is_exact(void)
{
	unsigned int c;
	size_t off;

	for (c = first(); c < NR_CLASSES; c++)
		for (off = 0; off < (size_t)size_classes[c].units * UNIT_SIZE;
		     off++)
			if (!EXPECT(size_class_index(c, off) ==
					    off / size_classes[c].size,
				    "%u for offset %zu in class %u",
				    size_class_index(c, off), off, c))
				break;
}

static const struct ktap_test tests[] = {
	{"rises_and_covers", rises_and_covers},
	{"aligned_to_16", aligned_to_16},
	{"waste_inside", waste_inside},
	{"slab_geometry", slab_geometry},
	{"division_is_exact", division_is_exact},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
