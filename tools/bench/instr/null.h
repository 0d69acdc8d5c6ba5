/* SPDX-License-Identifier: MIT */
/*
 * Force-included into the second build of each pattern: every allocator
 * call goes, through the PLT as before, to a function of null.c.
 */
#ifndef BENCH_INSTR_NULL_H
#define BENCH_INSTR_NULL_H

#include <stdlib.h>

void *null_malloc(size_t len);
void *null_calloc(size_t nr, size_t len);
void *null_realloc(void *ptr, size_t len);
void *null_aligned_alloc(size_t align, size_t len);
void null_free(void *ptr);
void *null_new(size_t len);
void null_delete_sized(void *ptr, size_t len);

/* Keeps operators.h from giving these two their C++ names. */
#define BENCH_INSTR_OPERATORS_H
#define op_new null_new
#define op_delete_sized null_delete_sized

#define malloc null_malloc
#define calloc null_calloc
#define realloc null_realloc
#define aligned_alloc null_aligned_alloc
#define free null_free

#endif
