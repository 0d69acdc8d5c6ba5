/* SPDX-License-Identifier: MIT */
/*
 * The malloc family of a hardened process (harden:1).  No thread caches
 * anything then, so all fast paths lead here.
 */
#ifndef ASHLAR_HEAP_HARD_H
#define ASHLAR_HEAP_HARD_H

#include "base/bits.h"

enum hard_mode {
	HARD_UNKNOWN, /* options are not read yet */
	HARD_OFF,
	HARD_ON,
};

extern _Atomic u32 hard_mode __attribute__((visibility("hidden")));

/*
 * No map entry of a block that realloc() may leave alone is above it: 0, or all
 * ones in a hardened process, where realloc() has always something to do.
 */
extern u64 hard_entry_bar __attribute__((visibility("hidden")));

void hard_init(void);
void hard_begin(void);
void hard_after_fork(void);

void *hard_alloc(size_t size, size_t align);
void hard_free(void *p);
void hard_free_sized(void *p, size_t size);
size_t hard_size(const void *p);
void *hard_realloc(void *p, size_t size);

static inline bool hard_is_on(void)
{
	return unlikely(atomic_load_explicit(&hard_mode,
					     memory_order_relaxed) == HARD_ON);
}

#endif
