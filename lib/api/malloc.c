// SPDX-License-Identifier: MIT
/*
 * The C allocation functions and the two fast paths.
 *
 * malloc of 512 bytes or less: the class is the size in sixteenths; take the
 * object on top of its stack unless that is the NULL at the end.  free: find
 * the page map entry; entry xor tag is the class if the object is small and
 * this thread's; put it on the stack unless that is full.  Everything else is
 * out of line.
 */
#include "api/api.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache/tcache.h"
#include "heap/large.h"
#include "heap/misuse.h"
#include "heap/process.h"
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

static noinline void *alloc_slow(unsigned int c)
{
	void *p = thread_alloc(c);

	return likely(p) ? p : no_memory();
}

static inline void *alloc_class(unsigned int c)
{
	void **top = tcache.top[c];
	void *p = *top;

	if (unlikely(!p))
		return alloc_slow(c);
	tcache.top[c] = top + 1;
	return p;
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

static noinline void *alloc_rare(size_t size)
{
	bool is_zero;

	if (!size)
		return alloc_class(0);
	return alloc_large(size, 1, &is_zero);
}

/* Takes the size, so that the fast path need not keep the class for it. */
static noinline void *alloc_fine_slow(size_t size)
{
	return alloc_slow(size_class_fine(size - 1));
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

/* errno is the caller's: free() must not change it (POSIX.1-2024). */
static noinline void free_slow(void *p)
{
	int saved = errno;

	thread_free(p);
	errno = saved;
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
		return free_slow(p);
	top = tcache.top[c];
	if (unlikely(top == tcache.floor[c]))
		return free_slow(p);
	top[-1] = p;
	tcache.top[c] = top - 1;
}

API void *malloc(size_t size)
{
	return alloc(size);
}

API void free(void *p)
{
	free_block(p);
}

/* @size is rounded up to 16: a slot has that much. */
static inline void clear(void *p, size_t size)
{
	char *at = p;

	if (size > CLEAR_INLINE) {
		memset(p, 0, size);
		return;
	}
	for (char *end = at + size; at < end; at += sizeof(clear_word)) {
		*(clear_word *)at = (clear_word){ 0 };
		asm volatile("" ::: "memory"); /* keep memset away */
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
	if (unlikely(last >= FINE_MAX))
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
		new = large_resize(entry, p, size);
		if (!new && size > large_usable(entry))
			new = large_move(entry, p, size);
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
static void *alloc_aligned(size_t align, size_t size)
{
	bool is_zero;
	unsigned int c;

	size = max_size(size, 1);
	if (align <= 1 << CLASS_GRAIN_SHIFT)
		return alloc(size);
	if (align > UNIT_SIZE || size > SMALL_MAX)
		return alloc_large(size, align, &is_zero);
	c = size_class_of(align_up(size, align));
	while (size_classes[c].size % align)
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

void *api_malloc(size_t size)
{
	return alloc(size);
}

void *api_memalign(size_t align, size_t size)
{
	return alloc_aligned(align, size);
}

void api_free(void *p)
{
	free_block(p);
}
