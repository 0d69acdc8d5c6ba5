/* SPDX-License-Identifier: MIT */
/*
 * Allocations above SMALL_MAX: runs of units of their own, rounded up to a unit
 * and no further.
 */
#ifndef ASHLAR_HEAP_LARGE_H
#define ASHLAR_HEAP_LARGE_H

#include "hpheap/space.h"

struct run;

void *large_alloc(size_t size, size_t align, size_t *ret_stale);
void large_free(u64 entry, void *p);
void *large_begin(const struct span *s);
struct span *large_end(u64 entry, void *p);
void large_release(struct span *s);
size_t large_usable(u64 entry);
void *large_resize(u64 entry, void *p, size_t size);
void *large_move(u64 entry, void *p, size_t size);
bool large_take(size_t nr_units, size_t align_units, struct run *ret_run);
void large_account(ptrdiff_t nr_units, int nr);
size_t large_bytes(void);
size_t large_count(void);

#endif
