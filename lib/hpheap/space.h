/* SPDX-License-Identifier: MIT */
/*
 * The one address reservation of the process and the tables that lead from an
 * address to its owner.
 *
 * The reservation begins with the page map: one 64-bit entry a unit, for the
 * whole reservation, its own part unused.  So pointer -> entry is a subtraction,
 * a shift and a load, and "is it ours" is one compare with the number of units
 * in use.  Behind the map lie the table of huge pages, the table of spans, notes
 * on units, and then the memory itself.  All of it is committed step by step.
 *
 * A map entry:
 *	bits 0-7	size class, or CLASS_LARGE, or CLASS_MIXED
 *	bits 8-31	id of the owning thread heap, 0 for large allocations
 *	bits 32-63	id of the span
 * An entry of 0: nothing is here.
 */
#ifndef ASHLAR_HPHEAP_SPACE_H
#define ASHLAR_HPHEAP_SPACE_H

#include "base/bits.h"
#include "rt/lock.h"

enum {
	ENTRY_OWNER_SHIFT = 8,
	ENTRY_SPAN_SHIFT = 32,
	CLASS_LARGE = 0xff,
	CLASS_MIXED = 0xfe, /* a slab of objects of several classes */
	SPAN_BYTES = 128,
	NOTE_BYTES = 64, /* a unit: what its owner may note on it */
	FORGET_MAX = 8, /* huge pages at a time */
};

struct hpage;

/* What a span is before its kind adds to it; see struct slab, struct large. */
struct span {
	u32 id;
	u32 unit; /* first one */
	u32 nr_units;
};

/*
 * Read without a lock: base and tables are set before nr_units leaves 0, and
 * nr_units only grows, after the map below it is committed.  Every free reads
 * it, so it has a cache line that nothing else is written in.
 */
struct space {
	alignas(CACHE_LINE) char *base;
	size_t nr_units; /* atomic; pairs with release in space_grow() */
	struct hpage *hpages;
	char *spans;
};

extern struct space space __attribute__((visibility("hidden")));

static inline size_t space_unit(const void *p)
{
	return ((uintptr_t)p - (uintptr_t)space.base) >> UNIT_SHIFT;
}

static inline void *space_addr(size_t unit)
{
	return space.base + (unit << UNIT_SHIFT);
}

static inline size_t space_limit(void)
{
	return __atomic_load_n(&space.nr_units, __ATOMIC_ACQUIRE);
}

/*
 * Entries are read by any thread that frees; the allocator of a unit wrote its
 * entry before it let anyone know the address, so relaxed order will do.  Only
 * for a slab that became a mixed one since see mixed_size().
 */
static inline _Atomic u64 *space_entry(size_t unit)
{
	return (_Atomic u64 *)space.base + unit;
}

static inline u64 space_load(const void *p)
{
	size_t unit = space_unit(p);

	if (unlikely(unit >= space_limit()))
		return 0;
	return atomic_load_explicit(space_entry(unit), memory_order_relaxed);
}

/* Owner and class of a block that was handed out. */
static inline u32 space_low(const void *p)
{
	return (u32)atomic_load_explicit(space_entry(space_unit(p)),
					 memory_order_relaxed);
}

static inline struct span *space_span(u64 entry)
{
	return (struct span *)(space.spans +
			       (entry >> ENTRY_SPAN_SHIFT) * SPAN_BYTES);
}

int space_init(size_t len);
size_t space_grow(size_t nr_hpages);
void space_shrink(size_t first_hpage, size_t nr_hpages);
size_t space_first_hpage(void);
size_t space_end_hpage(void);
struct span *space_span_alloc(void);
void space_span_free(struct span *s);
bool space_trim(void);
void *space_notes(size_t unit, size_t nr_units);
void space_notes_end(size_t nr_units);
void space_forget(const size_t *hpages, unsigned int nr);
void space_mark(const struct span *s, u32 low, size_t nr_units);
size_t space_meta_bytes(void);
size_t space_table_bytes(size_t nr_units);
size_t space_reserved_bytes(void);
struct lock *space_lock(void);

#endif
