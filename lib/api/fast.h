/* SPDX-License-Identifier: MIT */
/*
 * The two fast paths, inlined into every function of the API that allocates or
 * frees.
 *
 * malloc of 1 KiB or less: the class is the size in sixteenths; take the
 * object on top of its stack unless that is the NULL at the end.  free: find
 * the page map entry; entry xor tag is the class if the object is small and
 * this thread's; put it on the stack unless that is full.  Everything else is
 * out of line.
 */
#ifndef ASHLAR_API_FAST_H
#define ASHLAR_API_FAST_H

#include "cache/tcache.h"
#include "rt/conf.h"

/* Arguments in the order in which the fast paths have them in registers. */
void *alloc_slow(size_t size, size_t c);
void *alloc_coarse(size_t size, size_t last);
void *alloc_aligned_rare(size_t align, size_t size);
void free_slow(void *p);
void free_other(void *p, u32 c);
void free_checked(void *p, size_t size);

/* @size is for the slow path only. */
static inline void *alloc_class(size_t size, size_t c)
{
	struct tcache TLS_SEGMENT *t = tcache_here();
	void *p = *t->top[c];

	if (unlikely(!p))
		return alloc_slow(size, c);
	tls_advance(&t->top[c], 1);
	return p;
}

/*
 * The shortest way only, for sizes up to @most: NULL means that it is to be
 * tried another way.  @last is the size less 1, or its like for an alignment.
 */
static inline void *alloc_at_once(size_t last, size_t most, size_t align)
{
	struct tcache TLS_SEGMENT *t;
	size_t c;
	void *p;

	if (unlikely(last >= most))
		return NULL;
	t = tcache_here();
	c = size_class_fine(last);
	p = *t->top[c];
	if (unlikely(!p || (uintptr_t)p & (align - 1)))
		return NULL;
	tls_advance(&t->top[c], 1);
	return p;
}

static inline void *alloc(size_t size)
{
	size_t last = size - 1; /* a size of 0 is out of every range */

	if (likely(last < FINE_MAX))
		return alloc_class(size, size_class_fine(last));
	return alloc_coarse(size, last);
}

/*
 * Slots of a class whose size is a multiple of the alignment are aligned, since
 * slabs start at a unit; a size rounded up to a multiple of a power of two is
 * the size of a class, up to FINE_MAX.  Objects of mixed slabs stand anywhere,
 * so the one on top is looked at.  NULL means that it is to be tried another
 * way; so does an @align of 0.
 */
static inline void *alloc_aligned_at_once(size_t align, size_t size)
{
	return alloc_at_once((size - 1) | (align - 1), FINE_MAX, align);
}

static inline void *alloc_aligned(size_t align, size_t size)
{
	void *p = alloc_aligned_at_once(align, size);

	return likely(p) ? p : alloc_aligned_rare(align, size);
}

static inline void free_block(void *p)
{
	struct tcache TLS_SEGMENT *t = tcache_here();
	size_t unit = space_unit(p);
	void **top;
	u32 c;

	if (unlikely(unit >= space.nr_units))
		return free_slow(p);
	c = (u32)atomic_load_explicit(space_entry(unit), memory_order_relaxed) ^
	    t->tag;
	if (unlikely(c >= NR_CLASSES))
		return free_other(p, c);
	top = t->top[c];
	if (unlikely(top == t->floor[c]))
		return free_slow(p);
	top[-1] = p;
	tls_set(&t->top[c], top - 1);
}

/*
 * @last is as alloc() or alloc_aligned() had it for @size.  While the process has
 * one heap only, a block can't be another's, and the page map need not be asked.
 */
static inline void free_of_size(void *p, size_t last, size_t size)
{
	struct tcache TLS_SEGMENT *t = tcache_here();
	void **top;
	size_t c;

	if (unlikely(last >= tcache_sized_max || !p))
		return conf.harden ? free_checked(p, size) : free_block(p);
	c = size_class_fine(last);
	top = t->top[c];
	if (unlikely(top == t->floor[c]))
		return free_slow(p);
	top[-1] = p;
	tls_set(&t->top[c], top - 1);
}

#endif
