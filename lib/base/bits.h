/* SPDX-License-Identifier: MIT */
/*
 * The words the rest of the library is written in: arithmetic on sizes and
 * addresses, branch hints and the fixed geometry.  No state, no system call.
 */
#ifndef ASHLAR_BASE_BITS_H
#define ASHLAR_BASE_BITS_H

#include <assert.h>
#include <limits.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define noinline __attribute__((__noinline__))
#define cold __attribute__((__cold__, __noinline__))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member)                                        \
	((type *)((char *)(ptr)-offsetof(type, member)))

/*
 * Geometry.  A unit is the grain in which address space is handed to slabs and
 * large allocations; it is 4 KiB whatever the page size of the machine is, so
 * that slabs look alike everywhere.  Only purging knows the real page size.
 * A huge page is 2 MiB everywhere: one PMD with 4 KiB pages, one contiguous
 * block of entries with 16 and 64 KiB pages.
 */
enum {
	UNIT_SHIFT = 12,
	UNIT_SIZE = 1 << UNIT_SHIFT,
	HPAGE_SHIFT = 21,
	HPAGE_SIZE = 1 << HPAGE_SHIFT,
	HPAGE_UNITS = HPAGE_SIZE / UNIT_SIZE,
	CACHE_LINE = 64,
};

/*
 * Counters that one thread at a time changes and any may read: neither needs
 * more than that nobody sees half of a value.
 */
#define counter_read(p) atomic_load_explicit(p, memory_order_relaxed)
#define counter_add(p, n)                                                      \
	atomic_store_explicit(p, counter_read(p) + (n), memory_order_relaxed)

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static inline size_t align_up(size_t x, size_t align)
{
	return (x + align - 1) & ~(align - 1);
}

static inline size_t align_down(size_t x, size_t align)
{
	return x & ~(align - 1);
}

static inline bool is_pow2(size_t x)
{
	return x && !(x & (x - 1));
}

/* Index of the highest set bit; @x must not be 0. */
static inline unsigned int log2_floor(size_t x)
{
	return 63 ^ __builtin_clzl(x);
}

/* Index of the lowest set bit; @x must not be 0. */
static inline unsigned int ctz64(u64 x)
{
	return __builtin_ctzll(x);
}

/* x86-64 need not have an instruction for it, and libgcc's goes by a table. */
static inline unsigned int popcount64(u64 x)
{
#if defined(__x86_64__) && !defined(__POPCNT__)
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return x * 0x0101010101010101 >> 56;
#else
	return __builtin_popcountll(x);
#endif
}

#endif
