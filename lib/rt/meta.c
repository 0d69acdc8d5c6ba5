// SPDX-License-Identifier: MIT
/*
 * Metadata allocator: a bump pointer over mapped blocks and one free list per
 * power of two.  The first block is static, so a small process makes no system
 * call for it; a hardened one does without, since nothing guards that block.
 */
#include "rt/meta.h"

#include <string.h>

#include "os/sys.h"
#include "rt/conf.h"

enum {
	MIN_SHIFT = 6,
	MAX_SHIFT = 20,
	NR_SHIFTS = MAX_SHIFT - MIN_SHIFT + 1,
	BLOCK_LEN = 256 << 10,
	FIRST_LEN = 32 << 10,
};

struct free_block {
	struct free_block *next;
};

static struct {
	struct lock lock;
	char *at, *end;			      /* Guarded by lock. */
	bool has_begun; /* the first block is used.  Guarded by lock. */
	struct free_block *free[NR_SHIFTS]; /* Guarded by lock. */
	_Atomic size_t bytes;		      /* Guarded by lock for writing. */
} meta;

static alignas(4096) char first_block[FIRST_LEN];

static unsigned int shift_of(size_t size)
{
	if (size <= 1 << MIN_SHIFT)
		return MIN_SHIFT;
	return log2_floor(size - 1) + 1;
}

/* In a hardened process there is a page without access on either side. */
static char *map_block(size_t len)
{
	size_t guard = conf.harden ? os_page_size : 0;
	char *at = os_map(guard + len + guard);

	if (!at || !guard)
		return at;
	/* Where the kernel refuses, they are unused pages all the same. */
	os_protect_none(at, guard);
	os_protect_none(at + guard + len, guard);
	return at + guard;
}

/* Lock held.  The rest of the old block, at most half a block, is let go. */
static bool refill(size_t len)
{
	size_t block = max_size(len, BLOCK_LEN);

	if (!meta.has_begun && !conf.harden) {
		meta.has_begun = true;
		meta.at = first_block;
		meta.end = first_block + FIRST_LEN;
		if (len <= FIRST_LEN)
			return true;
	}
	meta.at = map_block(block);
	meta.end = meta.at ? meta.at + block : NULL;
	return meta.at;
}

/* From the list if there is one, which *@ret_is_used says; lock held. */
static void *take(unsigned int shift, bool *ret_is_used)
{
	struct free_block *b = meta.free[shift - MIN_SHIFT];
	size_t len = (size_t)1 << shift;
	void *p = NULL;

	*ret_is_used = b;
	if (b) {
		meta.free[shift - MIN_SHIFT] = b->next;
		p = b;
	} else if ((meta.at && (size_t)(meta.end - meta.at) >= len) ||
		   refill(len)) {
		p = meta.at;
		meta.at += len;
		atomic_store_explicit(&meta.bytes, meta.bytes + len,
				      memory_order_relaxed);
	}
	return p;
}

/**
 * meta_alloc() - zeroed memory for a structure of the library
 * @size: bytes, at most 1 MiB
 *
 * Return: cache-line aligned memory, or NULL when out of memory.
 */
void *meta_alloc(size_t size)
{
	unsigned int shift = shift_of(size);
	bool is_used;
	void *p;

	assert(shift <= MAX_SHIFT);
	lock_acquire(&meta.lock);
	p = take(shift, &is_used);
	if (is_used)
		memset(p, 0, (size_t)1 << shift);
	lock_release(&meta.lock);
	return p;
}

/* The same, but it may hold anything, and is not touched if nobody did before. */
void *meta_alloc_raw(size_t size)
{
	bool is_used;
	void *p;

	lock_acquire(&meta.lock);
	p = take(shift_of(size), &is_used);
	lock_release(&meta.lock);
	return p;
}

/**
 * meta_free() - give a structure back
 * @p: what meta_alloc() returned, or NULL
 * @size: the size it was asked for
 */
void meta_free(void *p, size_t size)
{
	struct free_block *b = p;
	unsigned int i = shift_of(size) - MIN_SHIFT;

	if (!p)
		return;
	lock_acquire(&meta.lock);
	b->next = meta.free[i];
	meta.free[i] = b;
	lock_release(&meta.lock);
}

/**
 * meta_bytes() - how much was ever taken for structures
 *
 * Return: bytes.
 */
size_t meta_bytes(void)
{
	return atomic_load_explicit(&meta.bytes, memory_order_relaxed);
}

/* For the fork handlers. */
struct lock *meta_lock(void)
{
	return &meta.lock;
}
