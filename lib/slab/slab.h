/* SPDX-License-Identifier: MIT */
/*
 * One slab: a few units cut into slots of one size class.  The header lies out
 * of line, in the span table, so that free memory is never written and whole
 * base pages of a slab can go back to the kernel.  Data only; the thread heap
 * that owns the slab guards it.
 */
#ifndef ASHLAR_SLAB_SLAB_H
#define ASHLAR_SLAB_SLAB_H

#include "base/bitmap.h"
#include "base/list.h"
#include "hpheap/space.h"
#include "slab/sizeclass.h"

enum {
	SLAB_LEVELS = 4,	/* 0: nearly full ... 3: nearly empty */
	SLAB_FULL = SLAB_LEVELS,
	SLAB_EMPTY,
	SLAB_MIXED, /* see mixed.h; in a list of its own */
	SLAB_HELD,  /* by reclaim, in no list */
};

struct rooms_node;

/* What a mixed slab has instead of slots. */
struct mix {
	u64 *granules;		 /* see mixed.h */
	struct rooms_node *leaf; /* its place, see rooms.h */
	unsigned int digit;
};

struct slab {
	struct span span;
	u8 class;
	/* Where the owner keeps it: SLAB_LEVELS of fullness, or nowhere. */
	u8 level;
	u16 nr_free, nr_objs; /* of a mixed slab: granules, and 0 */
	u16 seen_free; /* nr_free when reclaim last came by */
	u16 move_at;   /* nr_free at which it belongs elsewhere */
	bool is_mixed;
	u8 guard;   /* enum guard: of the unit behind it */
	u32 hollow; /* bit n: unit n was given back and not used since */
	struct hlist hlink; /* among those of a class and level, or the mixed */
	struct list link;   /* among the empty ones of all classes */
	union {
		struct bitmap free; /* bit n: slot n is free */
		struct mix mix;	    /* of a mixed slab */
	};
};

static_assert(sizeof(struct slab) <= SPAN_BYTES, "slab header too large");

static inline struct slab *slab_of_entry(u64 entry)
{
	return (struct slab *)space_span(entry);
}

/* SLAB_FULL, SLAB_EMPTY, or the level: which quarter of it is free. */
static inline unsigned int slab_level(const struct slab *s)
{
	unsigned int f = s->nr_free, n = s->nr_objs;

	if (f == n)
		return SLAB_EMPTY;
	return f ? (4 * f >= n) + (2 * f >= n) + (4 * f >= 3 * n) : SLAB_FULL;
}

/* Lowest nr_free, above the present, at which slab_level() changes. */
static inline unsigned int slab_next_level(const struct slab *s)
{
	unsigned int n = s->nr_objs;

	switch (slab_level(s)) {
	case SLAB_FULL:
		return 1;
	case 0:
		return max_size((n + 3) / 4, s->nr_free + 1);
	case 1:
		return (n + 1) / 2;
	case 2:
		return (3 * n + 3) / 4;
	default:
		return n;
	}
}

static inline char *slab_base(const struct slab *s)
{
	return space_addr(s->span.unit);
}

/* Its length. */
static inline size_t slab_bytes(const struct slab *s)
{
	return (size_t)s->span.nr_units << UNIT_SHIFT;
}

enum slab_geometry {
	SLAB_NORMAL,
	SLAB_STARTER, /* as small as makes sense: the first of its class */
	SLAB_WIDE,    /* one of many: half the headers, half the tails */
	SLAB_WIDEST,  /* one of very many: a quarter */
};

enum { SLAB_BATCH = 8 };

struct slab_want {
	unsigned int class;
	enum slab_geometry geometry;
	u32 owner;	   /* id of the thread heap, for the page map */
	unsigned int node; /* NUMA node to take memory from */
	bool is_fleeting;  /* the class comes and goes */
};

struct slab_rest {
	size_t unit, nr_units;
};

unsigned int slab_units(unsigned int class, enum slab_geometry geometry);
unsigned int slab_slots(unsigned int class, enum slab_geometry geometry);
unsigned int slab_create(const struct slab_want *want, unsigned int most,
			 struct slab **ret_slabs);
bool slab_may_turn(const struct slab *s, unsigned int class);
void slab_turn(struct slab *s, unsigned int class, u32 owner);
void slab_destroy(struct slab *s, struct slab_rest *rest);
void slab_flush(struct slab_rest *rest);
unsigned int slab_take(struct slab *s, void **objs, unsigned int nr);
u32 slab_vacant(const struct slab *s);
void slab_hold(struct slab *s, u32 units);
void slab_unhold(struct slab *s, u32 units, bool is_hollow);
bool slab_fill_hollow(struct slab *s, size_t size, const void *obj);
void slab_check(const struct slab *s);

/* Slot of @obj, or MAX_SLAB_OBJS if it does not start one. */
static inline unsigned int slab_slot(const struct slab *s, const void *obj)
{
	size_t off = (const char *)obj - slab_base(s);
	unsigned int i = size_class_index(s->class, off);

	if (i * (size_t)size_classes[s->class].size != off ||
	    i >= s->nr_objs)
		return MAX_SLAB_OBJS;
	return i;
}

/**
 * slab_put() - take slots back
 * @s: the slab
 * @objs: addresses
 * @nr: how many, at least 1
 *
 * Return: how many were taken back, up to the first that is not the start of a
 * slot of this slab, or is free already.
 */
static inline unsigned int slab_put(struct slab *s, void *const *objs,
				    unsigned int nr)
{
	const struct size_class *c = &size_classes[s->class];
	size_t end = (size_t)s->nr_objs * c->size;
	uintptr_t base = (uintptr_t)slab_base(s);
	u64 recip = c->recip;
	void *const *at = objs, *const *stop = objs + nr;

	do {
		size_t off = (uintptr_t)*at - base;
		unsigned __int128 q = size_class_divide(recip, off);
		unsigned int i = q >> 64;
		u64 bit = 1ULL << (i % 64);

		if (off >= end || unlikely((u64)q >= recip))
			break;
		if (unlikely(s->free.w[i / 64] & bit))
			break;
		s->free.w[i / 64] |= bit;
	} while (++at != stop);
	s->nr_free += at - objs;
	return at - objs;
}

#endif
