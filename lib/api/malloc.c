// SPDX-License-Identifier: MIT
/*
 * The C allocation functions.  Their fast paths are in fast.h.
 */
#include "api/api.h"
#include "api/fast.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/tcache.h"
#include "heap/large.h"
#include "heap/misuse.h"
#include "heap/process.h"
#include "heap/remote.h"
#include "heap/thread.h"
#include "os/sys.h"

/* Below this size calloc clears by a loop, without calling memset. */
enum { CLEAR_INLINE = 256 };

typedef u64 clear_word __attribute__((vector_size(16), may_alias));

static cold void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

noinline void *alloc_slow(unsigned int c)
{
	void *p = thread_alloc(c);

	return likely(p) ? p : no_memory();
}

static void *alloc_large(size_t size, size_t align, bool *ret_is_zero)
{
	void *p = NULL;

	if (size <= PTRDIFF_MAX && process_init())
		p = large_alloc(size, align, ret_is_zero);
	if (unlikely(!p))
		return no_memory();
	thread_tick(&tcache);
	return p;
}

/* Takes the size, so that the fast path need not keep the class for it. */
noinline void *alloc_fine_slow(size_t size)
{
	return alloc_slow(size_class_fine(size - 1));
}

noinline void *alloc_rare(size_t size)
{
	bool is_zero;

	if (!size)
		return alloc_class(0);
	return alloc_large(size, 1, &is_zero);
}

/* errno is the caller's: free() must not change it (POSIX.1-2024). */
noinline void free_slow(void *p)
{
	int saved = errno;

	thread_free(p);
	errno = saved;
}

/* Not this thread's own: another's, or large, or nobody's. */
noinline void free_other(void *p)
{
	u64 entry = space_load(p);

	if (entry && (u8)entry < NR_CLASSES && tcache.state == TCACHE_LIVE)
		remote_free(&tcache, entry, p);
	else
		free_slow(p);
}

API void *malloc(size_t size)
{
	return alloc(size);
}

API void free(void *p)
{
	free_block(p);
}

/* @size, at most CLEAR_INLINE, is rounded up to 16: a slot has that much. */
static inline void clear(char *at, size_t size)
{
	const clear_word zero = { 0 };
	char *end = at + size;

	for (; end - at > 48; at += 64) {
		((clear_word *)at)[0] = zero;
		((clear_word *)at)[1] = zero;
		((clear_word *)at)[2] = zero;
		((clear_word *)at)[3] = zero;
		asm volatile("" ::: "memory"); /* keep memset away */
	}
	for (; at < end; at += sizeof(zero)) {
		*(clear_word *)at = zero;
		asm volatile("" ::: "memory");
	}
}

static noinline void *calloc_rare(size_t size)
{
	bool is_zero = false;
	void *p;

	if (size > SMALL_MAX)
		p = alloc_large(size, 1, &is_zero);
	else
		p = alloc(size);
	if (p && !is_zero)
		memset(p, 0, size);
	return p;
}

API void *calloc(size_t nr, size_t size)
{
	size_t last;
	void *p;

	if (unlikely(__builtin_mul_overflow(nr, size, &size)))
		return no_memory();
	last = size - 1;
	if (unlikely(last >= CLEAR_INLINE))
		return calloc_rare(size);
	p = alloc_class(size_class_fine(last));
	if (likely(p))
		clear(p, size);
	return p;
}

static u64 entry_of_live(const void *p)
{
	u64 entry = space_load(p);

	if (unlikely(!entry))
		misuse_die(MISUSE_INVALID, p);
	return entry;
}

static size_t usable_of(u64 entry)
{
	unsigned int c = (u8)entry;

	return c < NR_CLASSES ? size_classes[c].size : large_usable(entry);
}

API size_t malloc_usable_size(void *p)
{
	return p ? usable_of(entry_of_live(p)) : 0;
}

static void *copy_to_new(void *p, size_t old, size_t size)
{
	void *new = alloc(size);

	if (!new)
		return NULL;
	memcpy(new, p, min_size(old, size));
	free_slow(p);
	return new;
}

/*
 * A large block that grows and must move gets a quarter more than it asks for,
 * so that growing step by step copies each byte a bounded number of times.
 */
static void *grow_large(u64 entry, void *p, size_t size)
{
	size_t old = large_usable(entry);
	size_t roomy = min_size(size + size / 4, PTRDIFF_MAX);
	void *new = large_move(entry, p, roomy);
	bool is_zero;

	if (new)
		return new;
	new = large_alloc(roomy, 1, &is_zero);
	if (!new)
		return NULL;
	memcpy(new, p, old);
	free_slow(p);
	return new;
}

static noinline void *realloc_rare(u64 entry, void *p, size_t size)
{
	void *new = NULL;

	if (!size) {
		free_slow(p);
		return NULL;
	}
	/* Less than half of the smallest slots: there are no better ones. */
	if (size <= SMALL_MAX && size_class_of(size) == (u8)entry)
		return p;
	if ((u8)entry == CLASS_LARGE && size > SMALL_MAX) {
		if (size > PTRDIFF_MAX)
			return no_memory();
		/* The room that grow_large() left is for growing into. */
		if (size <= large_usable(entry) &&
		    size >= large_usable(entry) / 4 * 3)
			return p;
		new = large_resize(entry, p, size);
		if (!new && size > large_usable(entry))
			new = grow_large(entry, p, size);
	}
	return new ? new : copy_to_new(p, usable_of(entry), size);
}

/* In place while at least half of the slot stays in use. */
API void *realloc(void *p, size_t size)
{
	u64 entry;
	unsigned int c;

	if (unlikely(!p))
		return alloc(size);
	entry = entry_of_live(p);
	c = (u8)entry;
	if (likely(c < NR_CLASSES)) {
		size_t slot = size_classes[c].size;

		if (likely(size <= slot && size > slot / 2))
			return p;
	}
	return realloc_rare(entry, p, size);
}

API void *reallocarray(void *p, size_t nr, size_t size)
{
	if (unlikely(__builtin_mul_overflow(nr, size, &size)))
		return no_memory();
	return realloc(p, size);
}

/*
 * An aligned block of a slab: the slots of a class whose size is a multiple of
 * the alignment are aligned, since slabs start at a unit.  The sizes of the
 * classes are such that the next power of two is the worst case.
 */
void *alloc_aligned(size_t align, size_t size)
{
	bool is_zero;
	unsigned int c;

	size = max_size(size, 1);
	if (align <= 1 << CLASS_GRAIN_SHIFT)
		return alloc(size);
	if (align > UNIT_SIZE || size > SMALL_MAX)
		return alloc_large(size, align, &is_zero);
	c = size_class_of(align_up(size, align));
	while (size_classes[c].size & (align - 1))
		c++;
	return alloc_class(c);
}

API int posix_memalign(void **ret, size_t align, size_t size)
{
	int saved = errno;
	void *p;

	if (!is_pow2(align) || align % sizeof(void *))
		return EINVAL;
	p = alloc_aligned(align, size);
	errno = saved;
	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

API void *aligned_alloc(size_t align, size_t size)
{
	if (unlikely(!is_pow2(align))) {
		errno = EINVAL;
		return NULL;
	}
	return alloc_aligned(align, size);
}

/* As in glibc, an alignment that is no power of two is rounded up to one. */
API void *memalign(size_t align, size_t size)
{
	if (align > PTRDIFF_MAX) {
		errno = EINVAL;
		return NULL;
	}
	if (!is_pow2(align))
		align = align ? (size_t)2 << log2_floor(align) : 1;
	return alloc_aligned(align, size);
}

API void *valloc(size_t size)
{
	return process_init() ? alloc_aligned(os_page_size, size) : NULL;
}

API void *pvalloc(size_t size)
{
	size_t rounded = align_up(max_size(size, 1), 65536);

	if (!process_init() || rounded < size)
		return no_memory();
	return alloc_aligned(os_page_size,
			     align_up(max_size(size, 1), os_page_size));
}

void free_sized(void *p, size_t size);
void free_aligned_sized(void *p, size_t align, size_t size);

API void free_sized(void *p, size_t size)
{
	(void)size;
	free_block(p);
}

API void free_aligned_sized(void *p, size_t align, size_t size)
{
	(void)align;
	(void)size;
	free_block(p);
}
