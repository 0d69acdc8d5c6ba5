/* SPDX-License-Identifier: MIT */
/*
 * A mixed slab: one whose vacant slots are joined and handed out to objects of
 * any class, in granules of 16 bytes.  A slab starts out plain and is mixed when
 * its class has much more room than it needs while another class would have to
 * grow; its live objects stay where they are.  Once empty it goes back.
 *
 * The slab's granules are two bitmaps, one behind the other.  Bit n of the first:
 * granule n is in no object.  Bit n of the second: an object ends with it; an
 * object reaches from its first granule to the next one marked so.  Of a live
 * object nothing changes in the second, so whoever frees one may look up its
 * length without a lock; the first is guarded by the heap's.
 *
 * Data only, like slab.h; when a slab is mixed is the thread heap's policy.
 */
#ifndef ASHLAR_SLAB_MIXED_H
#define ASHLAR_SLAB_MIXED_H

#include "slab/rooms.h"
#include "slab/slab.h"

enum {
	MIXED_UNITS = 16, /* of the largest slab that can be mixed */
	UNIT_GRANULES = UNIT_SIZE >> CLASS_GRAIN_SHIFT,
};

struct mixed_want {
	size_t size;	   /* bytes, those of a class */
	size_t align;	   /* bytes, at least 16 */
	unsigned int room; /* of the runs to take from, see rooms.h */
	/* They are longer than need be, and so it is to be one run only. */
	bool is_longer;
};

bool mixed_make(struct slab *s, u32 owner);
void mixed_unmake(struct slab *s);
unsigned int mixed_take(struct slab *s, const struct mixed_want *want,
			void **objs, unsigned int nr, u64 *ret_rooms);
int mixed_put(struct slab *s, const void *obj, unsigned int *ret_room);
u64 mixed_rooms(const struct slab *s);
size_t mixed_size(const void *obj);
bool mixed_is_empty(const struct slab *s);
bool mixed_unit_is_vacant(const struct slab *s, unsigned int unit);
void mixed_hold(struct slab *s, unsigned int unit);
void mixed_unhold(struct slab *s, unsigned int unit);
void mixed_check(const struct slab *s);

/* What mixed_put() will look at. */
static inline void mixed_prefetch(const struct slab *s, const void *obj)
{
	size_t off = (const char *)obj - slab_base(s);
	const u64 *w = s->mix.granules + (off >> CLASS_GRAIN_SHIFT) / 64;

	__builtin_prefetch(w, 1);
	__builtin_prefetch(w + s->span.nr_units * UNIT_GRANULES / 64, 1);
}

/* Bytes of a run that holds @size aligned to @align, wherever it begins. */
static inline size_t mixed_need(size_t size, size_t align)
{
	return size + align - (1 << CLASS_GRAIN_SHIFT);
}

/* Bytes of the slot that a map entry and an address in it stand for. */
static inline size_t slab_object_size(u64 entry, const void *obj)
{
	unsigned int c = (u8)entry;

	return likely(c < NR_CLASSES) ? size_classes[c].size : mixed_size(obj);
}

/* Its class. */
static inline unsigned int slab_object_class(u64 entry, const void *obj)
{
	unsigned int c = (u8)entry;

	return likely(c < NR_CLASSES) ? c : size_class_of(mixed_size(obj));
}

#endif
