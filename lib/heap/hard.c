// SPDX-License-Identifier: MIT
/*
 * What a hardened process does with each block: seals it when it is handed out,
 * checks the seal when it comes back, fills it, and lets it wait.
 *
 * Everything that tells where blocks are lies out of their reach; only the seal
 * is beside the program's data, and it is believed only where it fits.
 */
#include "heap/hard.h"

#include <string.h>

#include "heap/canary.h"
#include "heap/guarded.h"
#include "heap/misuse.h"
#include "heap/quarantine.h"
#include "heap/remote.h"
#include "heap/thread.h"
#include "hpheap/guard.h"
#include "rt/conf.h"
#include "rt/random.h"
#include "slab/slab.h"

_Atomic u32 hard_mode;
u64 hard_entry_bar;

static size_t slot_of(u64 entry)
{
	return size_classes[(u8)entry].size;
}

static bool is_large(u64 entry)
{
	return (u8)entry == CLASS_LARGE;
}

static u64 entry_of_live(const void *p)
{
	u64 entry = space_load(p);

	if (!entry || (!is_large(entry) &&
		       slab_slot(slab_of_entry(entry), p) == MAX_SLAB_OBJS))
		misuse_die(MISUSE_INVALID, p);
	return entry;
}

/* A seal that does not fit: of a slot in use somebody wrote over it. */
static cold void die_broken(u64 entry, const void *p)
{
	const struct slab *s = slab_of_entry(entry);

	misuse_die(bitmap_test(&s->free, slab_slot(s, p)) ? MISUSE_INVALID :
							    MISUSE_OVERFLOW,
		   p);
}

static inline void must_be_live(enum canary state, u64 entry, const void *p)
{
	if (unlikely(state == CANARY_BROKEN))
		die_broken(entry, p);
	if (unlikely(state == CANARY_FREED))
		misuse_die(MISUSE_DOUBLE, p);
}

/* It has waited: of the process, or of the heap, it is now. */
static void release(void *p)
{
	u64 entry = space_load(p);

	if (is_large(entry)) {
		guarded_release(entry);
		return;
	}
	if (!quarantine_fill_holds(p, slot_of(entry) - SEAL_BYTES))
		misuse_die(MISUSE_STALE, p);
	remote_free_now(entry, p);
}

/**
 * hard_init() - the options are known, and the process is to be hardened
 *
 * Comes before any memory is taken.
 */
void hard_init(void)
{
	random_seed();
	guard_init();
	canary_init();
	quarantine_init(conf.quarantine, release);
}

/* The library is set up: from now on everybody knows. */
void hard_begin(void)
{
	if (conf.harden)
		hard_entry_bar = UINT64_MAX;
	atomic_store_explicit(&hard_mode, conf.harden ? HARD_ON : HARD_OFF,
			      memory_order_relaxed);
}

/* In the child: its places are its own, the seals of its blocks stay. */
void hard_after_fork(void)
{
	lock_reset(quarantine_lock());
	if (conf.harden)
		random_seed();
}

static unsigned int class_for(size_t size, size_t align)
{
	unsigned int c = size_class_of(size);

	while (size_classes[c].size & (align - 1))
		c++;
	return c;
}

/**
 * hard_alloc() - malloc, and aligned_alloc
 * @size: bytes, at most PTRDIFF_MAX
 * @align: a power of two
 *
 * Return: the block, or NULL when out of memory.
 */
void *hard_alloc(size_t size, size_t align)
{
	unsigned int c;
	size_t stale;
	void *p;

	align = max_size(align, 1 << CLASS_GRAIN_SHIFT);
	if (size > SMALL_MAX - SEAL_BYTES || align > UNIT_SIZE) {
		p = guarded_alloc(size, align, GUARDED_EXACT, &stale);
		thread_tick_alloc(&tcache);
		return p;
	}
	c = class_for(size + SEAL_BYTES, align);
	p = thread_alloc(c);
	if (likely(p))
		canary_arm(p, size_classes[c].size, size);
	return p;
}

static void free_small(u64 entry, void *p)
{
	size_t slot = slot_of(entry);

	must_be_live(canary_retire(p, slot), entry, p);
	quarantine_fill(p, slot - SEAL_BYTES);
	if (!quarantine_push(p, slot))
		release(p);
}

/**
 * hard_free() - free
 * @p: the block; NULL is nothing
 */
void hard_free(void *p)
{
	u64 entry;

	if (!p)
		return;
	entry = entry_of_live(p);
	if (is_large(entry))
		guarded_free(entry, p);
	else
		free_small(entry, p);
	thread_tick(&tcache);
}

/**
 * hard_free_sized() - free with a size, which must be the one asked for
 * @p: the block; NULL is nothing
 * @size: bytes
 */
void hard_free_sized(void *p, size_t size)
{
	if (p && hard_size(p) != size)
		misuse_die(MISUSE_SIZE, p);
	hard_free(p);
}

/**
 * hard_size() - bytes of a block: as many as were asked for
 * @p: the block
 *
 * Ends the process if it is no live block, or something behind it was written.
 */
size_t hard_size(const void *p)
{
	u64 entry = entry_of_live(p);
	size_t size = 0;

	if (is_large(entry))
		return guarded_size(entry, p);
	must_be_live(canary_read(p, slot_of(entry), &size), entry, p);
	return size;
}

static bool resize_in_place(void *p, size_t size)
{
	u64 entry = space_load(p);
	bool is_small = size <= SMALL_MAX - SEAL_BYTES;

	if (is_large(entry))
		return !is_small && guarded_resize(entry, p, size);
	if (!is_small || size_class_of(size + SEAL_BYTES) != (u8)entry)
		return false;
	canary_arm(p, slot_of(entry), size);
	return true;
}

/* One that grows once may grow again. */
static void *alloc_to_grow(size_t size)
{
	size_t stale;

	if (size <= SMALL_MAX - SEAL_BYTES)
		return hard_alloc(size, 1);
	return guarded_alloc(size, 1, GUARDED_ROOMY, &stale);
}

/**
 * hard_realloc() - realloc
 * @p: the block
 * @size: new size, 1 to PTRDIFF_MAX
 *
 * Return: the block, in the same place or in another; NULL, and @p stays as it
 * was, when out of memory.
 */
void *hard_realloc(void *p, size_t size)
{
	size_t old = hard_size(p);
	void *new;

	if (resize_in_place(p, size))
		return p;
	new = size > old ? alloc_to_grow(size) : hard_alloc(size, 1);
	if (!new)
		return NULL;
	memcpy(new, p, min_size(old, size));
	hard_free(p);
	return new;
}
