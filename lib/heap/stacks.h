/* SPDX-License-Identifier: MIT */
/*
 * How long the stacks of a thread's cache may be, and what moves between them
 * and slabs.  Only the owning thread calls these; it has a heap.
 */
#ifndef ASHLAR_HEAP_STACKS_H
#define ASHLAR_HEAP_STACKS_H

#include "cache/tcache.h"
#include "hpheap/limit.h"

enum {
	LEAST_BUDGET = 32 << 10,
};

/* Bytes that a cache with leave for @bytes, its share or budget, may hold now. */
static inline size_t stacks_bound(size_t bytes)
{
	return limit_is_pressed() ? LEAST_BUDGET : bytes;
}

bool stack_widen(struct tcache *t, unsigned int c, unsigned int limit,
		 size_t bytes);
unsigned int stack_share(struct tcache *t, unsigned int c, bool has_turned);
void *stack_refill(struct tcache *t, unsigned int c, bool has_turned);
unsigned int stack_nearest(struct tcache *t, unsigned int c);
void stack_flush(struct tcache *t, unsigned int c, unsigned int nr);
void stack_push(struct tcache *t, unsigned int c, void *obj);
void stack_drop(struct tcache *t, unsigned int c);
void stacks_flush_idle(struct tcache *t);

#endif
