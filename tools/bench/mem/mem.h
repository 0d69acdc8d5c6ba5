/* SPDX-License-Identifier: MIT */
/*
 * What the memory programs share: reports of resident memory and of its
 * huge-page part against the bytes that are live, waiting, and asking any
 * allocator for all it can give back. What a program keeps for itself is
 * mapped apart and counted into the base line, never into the heap.
 */
#ifndef BENCH_MEM_H
#define BENCH_MEM_H

#include <stddef.h>
#include <stdint.h>

/**
 * mem_baseline() - Take what is resident now as not belonging to the heap.
 */
void mem_baseline(void);

/**
 * mem_report() - Print one line: step, live bytes, heap RSS, huge share.
 * @step: one word.
 * @live: bytes that the program asked for and has not freed.
 */
void mem_report(const char *step, size_t live);

/**
 * mem_wait() - Let time pass until @seconds after the last mem_mark().
 * @seconds: since the mark.
 *
 * A pair is allocated and freed a hundred times a second meanwhile, as an
 * idle server does: an allocator without a thread of its own gets its turn.
 */
void mem_wait(double seconds);

/* Start the clock that mem_wait() and mem_elapsed() read. */
void mem_mark(void);

/* Seconds since mem_mark(). */
double mem_elapsed(void);

/**
 * mem_purge() - Ask the allocator, by its own call, for all free memory.
 */
void mem_purge(void);

/**
 * mem_table() - Map and touch a table that is not part of the heap.
 * @len: bytes.
 */
void *mem_table(size_t len);

/* Ends the program if an allocation failed. */
void *mem_need(void *ptr);

/* A decimal argument, at least 1; ends the program on anything else. */
size_t mem_number(const char *text, const char *what);

static inline uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 2685821657736338717ull;
}

static inline size_t random_below(uint64_t *state, uint64_t bound)
{
	return ((next_random(state) >> 32) * bound) >> 32;
}

#endif
