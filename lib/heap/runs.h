/* SPDX-License-Identifier: MIT */
/*
 * Runs of units that wait in a thread's cache, so that a block of 32 to 256 KiB
 * that is freed and allocated again needs neither the lock of the node's heap
 * nor a search in it.
 */
#ifndef ASHLAR_HEAP_RUNS_H
#define ASHLAR_HEAP_RUNS_H

#include "cache/tcache.h"

void *runs_alloc(struct run_cache *r, size_t size);
bool runs_keep(struct run_cache *r, struct span *s, size_t budget);
void runs_flush(struct run_cache *r);
void runs_review(struct run_cache *r, size_t budget);

#endif
