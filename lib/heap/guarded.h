/* SPDX-License-Identifier: MIT */
/*
 * Large allocations of a hardened process: a guard page on either side, the
 * exact size known, padding up to the end of the last page.
 */
#ifndef ASHLAR_HEAP_GUARDED_H
#define ASHLAR_HEAP_GUARDED_H

#include "base/bits.h"

enum guarded_room {
	GUARDED_EXACT,
	GUARDED_ROOMY, /* a quarter more of address space, to grow into */
};

void *guarded_alloc(size_t size, size_t align, enum guarded_room room,
		    size_t *ret_stale);
void guarded_free(u64 entry, void *p);
void guarded_release(u64 entry);
size_t guarded_size(u64 entry, const void *p);
bool guarded_resize(u64 entry, void *p, size_t size);

#endif
