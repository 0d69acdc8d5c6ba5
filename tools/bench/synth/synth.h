/* SPDX-License-Identifier: MIT */
/*
 * What a synthetic program and main.c owe each other. A program is one
 * classic pattern of allocation; main.c parses the command line, times
 * bench_run() and reports. Not a test: it checks no result, it makes load.
 */
#ifndef BENCH_SYNTH_H
#define BENCH_SYNTH_H

#include <stddef.h>
#include <stdint.h>

/**
 * bench_run() - Do the program's work.
 * @nr_threads: threads to use at once, at least 1.
 * @percent: amount of work, 100 being about a second on a 2020s core.
 */
void bench_run(int nr_threads, unsigned long percent);

/**
 * run_threads() - Run one function on several threads and join them.
 * @nr: threads.
 * @body: called with the thread's index, 0 to @nr - 1.
 */
void run_threads(int nr, void (*body)(int index));

/**
 * report() - Add a figure of the program's own to what main.c prints.
 * @key: one word.
 * @value: the figure.
 */
void report(const char *key, double value);

/**
 * resident_kib() - What the kernel counts as resident right now, in KiB.
 */
double resident_kib(void);

/**
 * need() - Pass a pointer on; end the program if it is NULL.
 */
void *need(void *ptr);

/* xorshift64*: fast enough not to be what is measured. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 2685821657736338717ull;
}

/* A number below @bound, which must fit 32 bits. */
static inline size_t random_below(uint64_t *state, uint64_t bound)
{
	return ((next_random(state) >> 32) * bound) >> 32;
}

/* Distinct non-zero seeds for the threads of one program. */
static inline uint64_t thread_seed(int index)
{
	return 0x9e3779b97f4a7c15ull * (uint64_t)(index + 1);
}

#endif
