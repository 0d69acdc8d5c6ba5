/* SPDX-License-Identifier: MIT */
/*
 * What one instruction-count pattern provides to main.c. A pattern is a
 * steady loop over the allocator and nothing else: main.c warms it up
 * uncounted, then counts a run of the length it was asked for.
 *
 * Every pattern is built twice: once as it stands, and once with null.h
 * force-included, which sends the same calls to functions that do nothing.
 * The second build is the empty loop that is subtracted.
 */
#ifndef BENCH_INSTR_PATTERN_H
#define BENCH_INSTR_PATTERN_H

#include <stddef.h>

/**
 * pattern_setup() - Build what the loop works on, uncounted.
 * @size: object size in bytes, as given on the command line.
 * @nr_live: objects to hold live during the loop; most patterns ignore it.
 */
void pattern_setup(size_t size, size_t nr_live);

/**
 * pattern_run() - Do @nr operations: one pair, or one object passed on.
 * @size: object size in bytes.
 * @nr: operations to do.
 */
void pattern_run(size_t size, size_t nr);

/* Stops the compiler from pairing a malloc with its free and dropping both. */
static inline void *keep(void *ptr)
{
	__asm__ volatile("" : "+r"(ptr) : : "memory");
	return ptr;
}

/* A small xorshift: the same sequence on every run and every machine. */
static inline unsigned int next_random(unsigned int *state)
{
	unsigned int x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return x;
}

#endif
