/* SPDX-License-Identifier: MIT */
/*
 * Memory for the library's own small structures, apart from user data: thread
 * heaps, cache arrays, bucket tables.  Blocks are zeroed, aligned to a cache
 * line, and recycled by power-of-two size.
 */
#ifndef ASHLAR_RT_META_H
#define ASHLAR_RT_META_H

#include "rt/lock.h"

void *meta_alloc(size_t size);
void *meta_alloc_raw(size_t size);
void meta_free(void *p, size_t size);
size_t meta_bytes(void);
struct lock *meta_lock(void);

#endif
