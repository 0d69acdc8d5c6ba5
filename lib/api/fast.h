/* SPDX-License-Identifier: MIT */
/*
 * The two fast paths, inlined into every function of the API that allocates or
 * frees.
 *
 * malloc of 512 bytes or less: the class is the size in sixteenths; take the
 * object on top of its stack unless that is the NULL at the end.  free: find
 * the page map entry; entry xor tag is the class if the object is small and
 * this thread's; put it on the stack unless that is full.  Everything else is
 * out of line.
 */
#ifndef ASHLAR_API_FAST_H
#define ASHLAR_API_FAST_H

#include "cache/tcache.h"

void *alloc_slow(unsigned int c);
void *alloc_fine_slow(size_t size);
void *alloc_rare(size_t size);
void *alloc_aligned(size_t align, size_t size);
void free_slow(void *p);
void free_other(void *p);

static inline void *alloc_class(unsigned int c)
{
	void **top = tcache.top[c];
	void *p = *top;

	if (unlikely(!p))
		return alloc_slow(c);
	tcache.top[c] = top + 1;
	return p;
}

static inline void *alloc(size_t size)
{
	size_t last = size - 1; /* a size of 0 is out of every range */

	if (likely(last < FINE_MAX)) {
		size_t c = size_class_fine(last);
		void **top = tcache.top[c];
		void *p = *top;

		if (unlikely(!p))
			return alloc_fine_slow(size);
		tcache.top[c] = top + 1;
		return p;
	}
	if (likely(last < SMALL_MAX))
		return alloc_class(size_class_coarse(last));
	return alloc_rare(size);
}

static inline void free_block(void *p)
{
	size_t unit = space_unit(p);
	void **top;
	u32 c;

	if (unlikely(unit >= space.nr_units))
		return free_slow(p);
	c = (u32)atomic_load_explicit(space_entry(unit),
				      memory_order_relaxed) ^ tcache.tag;
	if (unlikely(c >= NR_CLASSES))
		return free_other(p);
	top = tcache.top[c];
	if (unlikely(top == tcache.floor[c]))
		return free_slow(p);
	top[-1] = p;
	tcache.top[c] = top - 1;
}

#endif
