/* SPDX-License-Identifier: MIT */
/*
 * testlib.h - what the library's tests share: random numbers, patterns that
 * show an overlap, children whose stderr and status are looked at.
 *
 * No test framework (that is ktap.h) and nothing that knows the library's
 * inside: the API tests run as well on any other malloc. Works in C and C++.
 */
#ifndef SELFTESTS_LIB_TESTLIB_H
#define SELFTESTS_LIB_TESTLIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rng {
	uint64_t state;
};

/**
 * rng_start() - seed a generator and print the seed.
 * @rng: the generator.
 *
 * The seed is TEST_SEED of the environment, or the clock's; a failure is
 * repeated by giving the printed one.
 */
void rng_start(struct rng *rng);

/* A generator of its own for part @part (a thread, say) of the same seed. */
struct rng rng_split(const struct rng *rng, unsigned int part);

uint64_t rng_next(struct rng *rng);

/* Uniform in 0..@n-1. */
static inline uint64_t rng_below(struct rng *rng, uint64_t n)
{
	return rng_next(rng) % n;
}

/* A size in 1..@max, each power of two as likely as the next. */
size_t rng_size(struct rng *rng, size_t max);

/* How much longer than usual to work: TEST_SCALE of the environment, or 1. */
unsigned int test_scale(void);

/**
 * pattern_fill() - write a block's own pattern.
 * @p: the block.
 * @len: its length in bytes.
 * @id: what tells this block from all others.
 *
 * Blocks of up to 4 KiB are written whole, longer ones at their ends and once
 * in 64 bytes.
 */
void pattern_fill(void *p, size_t len, uint64_t id);

/* Return: true if the block still holds what pattern_fill() wrote. */
bool pattern_holds(const void *p, size_t len, uint64_t id);

/* The same for the first @part bytes of what was filled with length @len. */
bool pattern_holds_part(const void *p, size_t part, size_t len, uint64_t id);

/* Return: the offset of the first byte that is not zero, or @len. */
size_t first_nonzero(const void *p, size_t len);

/* How a child ended and what it wrote to stderr. */
struct child {
	int status;
	char text[16384];
};

/**
 * child_call() - call a function in a forked child, collecting its stderr.
 * @child: result.
 * @fn: the function; the child _exit()s with what it returns.
 * @arg: its argument.
 */
void child_call(struct child *child, int (*fn)(void *), void *arg);

/**
 * child_exec() - run a program, collecting its stderr; stdout is dropped.
 * @child: result.
 * @argv: the program and its words.
 * @conf: value for ASHLAR_CONF, or NULL to unset it.
 */
void child_exec(struct child *child, char *const argv[], const char *conf);

/* A case that needs settings of its own: the program again, "inner NAME". */
struct inner {
	const char *name;
	int (*run)(void); /* returns what the program exits with, 0 if all is well */
};

/* Run one of a list that ends with {}; 99 if it is not there. */
int inner_run(const struct inner *inners, const char *name);

/* Run the calling program again for a case, under @conf as in child_exec(). */
void inner_exec(struct child *child, const char *name, const char *conf);

/* Exit code of a child that exited, or -signal if it was killed by one. */
int child_code(const struct child *child);

/* Keep the calling thread on a CPU; 0 or -1 with errno. */
int stay_on_cpu(int cpu);

/* True if the process's malloc is Ashlar's (preloaded or linked). */
bool is_ashlar(void);

/* True if the program was started with harden:1. */
bool is_hardened(void);

/* A figure of the library's statistics, -1 if there is none of that name. */
long long ashlar_stat(const char *name);

/* All of them as JSON; empty under another malloc. */
void ashlar_stats_text(char *buf, size_t len);

/* True in a sanitizer build: resident memory and time are not the library's. */
bool is_sanitized(void);

/* Word @key of /proc/self/status in KiB ("VmRSS:"), -1 if it is not there. */
long proc_status_kib(const char *key);

#ifdef __cplusplus
}
#endif

#endif
