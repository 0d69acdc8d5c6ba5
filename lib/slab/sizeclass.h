/* SPDX-License-Identifier: MIT */
/*
 * Size classes: which slot size serves a request, and how slabs of it look.
 * The geometry is the same on every page size.
 */
#ifndef ASHLAR_SLAB_SIZECLASS_H
#define ASHLAR_SLAB_SIZECLASS_H

#include "base/bits.h"

enum {
	CLASS_GRAIN_SHIFT = 4,
	FINE_MAX = 1024,		/* up to here, one class every 16 bytes */
	NR_FINE = FINE_MAX >> CLASS_GRAIN_SHIFT,
	STEP_SHIFT = 6,		/* above, sizes of classes are multiples of this */
	SMALL_MAX = 32 << 10,	/* up to here, from slabs */
	NR_CLASSES = NR_FINE + 5 * 16,
	CLASS_WORDS = (NR_CLASSES + 63) / 64, /* of a set of classes */
	MAX_SLAB_OBJS = 512,
};

struct size_class {
	u32 size;     /* bytes of a slot */
	u16 units;    /* of a slab */
	u16 nr_objs;  /* in a slab */
	u64 recip;    /* 2^64 / size, rounded up */
};

extern const struct size_class size_classes[NR_CLASSES]
	__attribute__((visibility("hidden")));
extern const u8 size_class_of_step[SMALL_MAX >> STEP_SHIFT]
	__attribute__((visibility("hidden")));

/* @last is size - 1, below FINE_MAX. */
static inline size_t size_class_fine(size_t last)
{
	return last >> CLASS_GRAIN_SHIFT;
}

/* @last is size - 1, from FINE_MAX to SMALL_MAX - 1. */
static inline size_t size_class_coarse(size_t last)
{
	return size_class_of_step[last >> STEP_SHIFT];
}

/* Class of a size from 1 to SMALL_MAX. */
static inline unsigned int size_class_of(size_t size)
{
	if (size <= FINE_MAX)
		return size_class_fine(size - 1);
	return size_class_coarse(size - 1);
}

/*
 * Division of an offset in a slab by the size, as one multiplication: the upper
 * half of the product is the quotient, the lower half is below @recip if and
 * only if nothing remains.  Exact: off < 2^18 and recip is rounded up by less
 * than size / 2^64, so the error stays below 2^18, and recip is above 2^48.
 * (Lemire, Kaser and Kurz, "Faster remainder by direct computation", 2019.)
 */
static inline unsigned __int128 size_class_divide(u64 recip, size_t off)
{
	return (unsigned __int128)recip * off;
}

/* Number of the object that byte @off of a slab lies in. */
static inline unsigned int size_class_index(unsigned int c, size_t off)
{
	return size_class_divide(size_classes[c].recip, off) >> 64;
}

#endif
