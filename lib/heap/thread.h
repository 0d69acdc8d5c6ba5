/* SPDX-License-Identifier: MIT */
/*
 * The slow halves of malloc and free: what happens when a thread's cache is
 * empty, full, foreign to the object, or not there.
 */
#ifndef ASHLAR_HEAP_THREAD_H
#define ASHLAR_HEAP_THREAD_H

#include "cache/tcache.h"

void *thread_alloc(unsigned int c);
void *thread_alloc_near(unsigned int c);
void *thread_alloc_aligned(unsigned int c, size_t align);
void thread_free(void *p);
void thread_exit(struct tcache *t);
void thread_trim(struct tcache *t);
void thread_tick(struct tcache *t);
int thread_set_node(struct tcache *t, int node);
void thread_tick_alloc(struct tcache *t);
u32 thread_count(void);
void thread_after_fork(void);

#endif
