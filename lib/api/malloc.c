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
#include "heap/background.h"
#include "heap/clear.h"
#include "heap/guarded.h"
#include "heap/hard.h"
#include "heap/large.h"
#include "heap/misuse.h"
#include "heap/process.h"
#include "heap/remote.h"
#include "heap/runs.h"
#include "heap/thread.h"
#include "os/sys.h"
#include "slab/mixed.h"

/* Below this size calloc clears by a loop, without calling memset. */
enum { CLEAR_INLINE = 256 };

typedef u64 clear_word __attribute__((vector_size(16), may_alias));

static cold void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

/* Before the first allocation nobody has read the options. */
static bool is_hardened(void)
{
	u32 mode = atomic_load_explicit(&hard_mode, memory_order_relaxed);

	if (likely(mode == HARD_OFF))
		return false;
	return process_init() && hard_is_on();
}

noinline void *alloc_slow(size_t size, size_t c)
{
	void *p = is_hardened() ? hard_alloc(size, 1) : thread_alloc_near(c);

	return likely(p) ? p : no_memory();
}

/* Many small ones are looked at now and then: so much each time. */
enum { NOTEWORTHY = 1 << 20 };

static void *alloc_run(size_t size, size_t align, size_t *ret_stale)
{
	void *p = NULL;

	if (align <= UNIT_SIZE)
		p = runs_alloc(&tcache.runs, size);
	if (!p)
		return large_alloc(size, align, ret_stale);
	*ret_stale = size;
	return p;
}

static void *alloc_large(size_t size, size_t align, size_t *ret_stale)
{
	void *p = NULL;

	if (size <= PTRDIFF_MAX && process_init())
		p = hard_is_on() ? guarded_alloc(size, align, GUARDED_EXACT,
						 ret_stale) :
				   alloc_run(size, align, ret_stale);
	if (unlikely(!p))
		return no_memory();
	thread_tick_alloc(&tcache);
	if (size >= NOTEWORTHY)
		background_poke(0);
	return p;
}

static noinline void *alloc_rare(size_t size)
{
	size_t stale;

	if (!size)
		return alloc_class(0, 0);
	return alloc_large(size, 1, &stale);
}

/* @last is the size less 1, FINE_MAX and more; the size may be 0. */
noinline void *alloc_coarse(size_t size, size_t last)
{
	if (likely(last < SMALL_MAX))
		return alloc_class(size, size_class_coarse(last));
	return alloc_rare(size);
}

/* errno is the caller's: free() must not change it (POSIX.1-2024). */
noinline void free_slow(void *p)
{
	int saved = errno;

	if (hard_is_on())
		hard_free(p);
	else
		thread_free(p);
	errno = saved;
}

/*
 * Not this thread's own: another's, or large, or nobody's.  @c is its entry xor
 * the thread's tag.  A small object of an owner for whom a parcel has room goes
 * there.
 */
noinline void free_other(void *p, u32 c)
{
	struct tcache TLS_SEGMENT *t = tcache_here();
	u32 entry = c ^ t->tag;
	struct remote_slot TLS_SEGMENT *r =
		&t->remote[(entry >> ENTRY_OWNER_SHIFT) % REMOTE_SLOTS];
	void **at;

	if (unlikely((entry ^ r->tag) >= NR_FINE))
		return free_slow(p);
	at = r->at;
	if (unlikely(at == r->end))
		return free_slow(p);
	*at = p;
	tls_advance(&r->at, 1);
}

API void *malloc(size_t size)
{
	return alloc(size);
}

API void free(void *p)
{
	free_block(p);
}

static inline void clear_16(void *at)
{
	*(clear_word *)at = (clear_word){0};
}

/*
 * Clear a slot, @last being the offset of its last byte.  What is cleared from
 * the start and from the end may overlap.
 */
static inline void clear(char *at, size_t last)
{
	char *end = at + last;

	clear_16(at);
	clear_16(end - 15);
	if (last < 32)
		return;
	clear_16(at + 16);
	clear_16(end - 31);
	for (at += 32; unlikely(end - at > 32); at += 32) {
		clear_16(at);
		clear_16(at + 16);
		asm volatile("" ::: "memory"); /* keep memset away */
	}
}

/* @size may be anything. */
static noinline void *calloc_rare(size_t size)
{
	size_t stale = size;
	void *p;

	if (size > SMALL_MAX)
		p = alloc_large(size, 1, &stale);
	else
		p = alloc(size);
	if (p)
		clear_block(p, min_size(stale, size));
	return p;
}

API void *calloc(size_t nr, size_t size)
{
	void *p;

	if (unlikely(__builtin_mul_overflow(nr, size, &size)))
		return no_memory();
	p = alloc_at_once(size - 1, CLEAR_INLINE, 1);
	if (unlikely(!p))
		return calloc_rare(size);
	clear(p, (size - 1) | 15);
	return p;
}

static u64 entry_of_live(const void *p)
{
	u64 entry = space_load(p);

	if (unlikely(!entry))
		misuse_die(MISUSE_INVALID, p);
	return entry;
}

static size_t usable_of(u64 entry, const void *p)
{
	return (u8)entry == CLASS_LARGE ? large_usable(entry) :
					  slab_object_size(entry, p);
}

API size_t malloc_usable_size(void *p)
{
	if (!p)
		return 0;
	return hard_is_on() ? hard_size(p) : usable_of(entry_of_live(p), p);
}

/* A hardened process does not believe the size. */
noinline void free_checked(void *p, size_t size)
{
	int saved = errno;

	hard_free_sized(p, size);
	errno = saved;
}

/* A block that shrinks can stay, if there is no memory for a smaller one. */
static void *copy_to_new(void *p, size_t old, size_t size)
{
	void *new = alloc(size);

	if (!new)
		return size <= old ? p : NULL;
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
	size_t stale;

	if (new)
		return new;
	new = alloc_run(roomy, 1, &stale);
	if (!new)
		return NULL;
	memcpy(new, p, old);
	free_slow(p);
	return new;
}

static noinline void *realloc_hardened(void *p, size_t size)
{
	void *new = NULL;

	if (!size) {
		free_slow(p);
		return NULL;
	}
	if (size <= PTRDIFF_MAX)
		new = hard_realloc(p, size);
	return new ? new : no_memory();
}

static noinline void *realloc_rare(void *p, size_t size)
{
	void *new = NULL;
	u64 entry;

	if (!p)
		return alloc(size);
	if (hard_is_on())
		return realloc_hardened(p, size);
	entry = entry_of_live(p);
	if (!size) {
		free_slow(p);
		return NULL;
	}
	/* Less than half of the smallest slots: there are no better ones. */
	if (size <= SMALL_MAX && (u8)entry != CLASS_LARGE &&
	    size_class_of(size) == slab_object_class(entry, p))
		return p;
	if ((u8)entry == CLASS_LARGE && size > SMALL_MAX) {
		if (size > PTRDIFF_MAX)
			return no_memory();
		/* The room that grow_large() left is for growing into. */
		if (size <= large_usable(entry) &&
		    size >= large_usable(entry) / 4 * 3)
			return p;
		new = large_resize(entry, p, size);
		if (!new &&size > large_usable(entry))
			new = grow_large(entry, p, size);
	}
	return new ? new : copy_to_new(p, usable_of(entry, p), size);
}

/*
 * In place while at least half of the slot stays in use.  The bar is 0, but in a
 * hardened process.
 */
API void *realloc(void *p, size_t size)
{
	u64 entry = space_load(p);
	unsigned int c = (u8)entry;

	if (likely(entry > hard_entry_bar && c < NR_CLASSES)) {
		size_t slot = size_classes[c].size;

		if (likely(size <= slot && size > slot / 2))
			return p;
	}
	return realloc_rare(p, size);
}

API void *reallocarray(void *p, size_t nr, size_t size)
{
	if (unlikely(__builtin_mul_overflow(nr, size, &size)))
		return no_memory();
	return realloc(p, size);
}

/* @align divides the size of the class. */
static void *alloc_class_aligned(unsigned int c, size_t align)
{
	struct tcache TLS_SEGMENT *t = tcache_here();
	void *p = *t->top[c];

	if (likely(p && !((uintptr_t)p & (align - 1)))) {
		tls_advance(&t->top[c], 1);
		return p;
	}
	p = thread_alloc_aligned(c, align);
	return likely(p) ? p : no_memory();
}

/*
 * Above FINE_MAX classes are multiples of 64.  The sizes of the classes are such
 * that the next power of two is the worst.
 */
noinline void *alloc_aligned_rare(size_t align, size_t size)
{
	size_t last = (size - 1) | (align - 1);
	size_t stale;
	unsigned int c;

	if (!align) {
		errno = EINVAL;
		return NULL;
	}
	if (is_hardened()) {
		void *p = size <= PTRDIFF_MAX ? hard_alloc(size, align) : NULL;

		return p ? p : no_memory();
	}
	if (likely(last < SMALL_MAX && align <= 64))
		return alloc_class_aligned(size_class_of(last + 1), align);
	size = max_size(size, 1);
	if (align <= 1 << CLASS_GRAIN_SHIFT)
		return alloc(size);
	if (align > UNIT_SIZE || size > SMALL_MAX)
		return alloc_large(size, align, &stale);
	c = size_class_of(align_up(size, align));
	while (size_classes[c].size & (align - 1))
		c++;
	return alloc_class_aligned(c, align);
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
	if (unlikely(align & (align - 1))) { /* for 0 see alloc_aligned_rare() */
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
	if (hard_is_on())
		free_checked(p, size);
	else
		free_block(p);
}

API void free_aligned_sized(void *p, size_t align, size_t size)
{
	(void)align;
	free_sized(p, size);
}
