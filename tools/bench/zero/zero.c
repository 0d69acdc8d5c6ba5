// SPDX-License-Identifier: MIT
/*
 * Zeroing with plain and with cache-bypassing stores: what it takes, and what
 * it leaves of somebody else's cache. The question is whether the kernel
 * module's zeroer should use the latter, and a guest cannot answer it: an
 * emulated machine has no caches.
 *
 * Pages of 2 MiB, cold, are zeroed in three ways. Before and after, a working
 * set is walked in random order, by the zeroing CPU or by another one. Prints
 * medians and quartiles.
 *
 *	zero [ROUNDS]
 */
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define HUNK (2UL << 20)
#define LINE 64UL
/* More than any cache: a page is cold again when its turn comes. */
#define NR_HUNKS 768UL
/* So many pages are zeroed between two walks: a burst of the zeroer's. */
#define BURST 8UL

struct way {
	const char *name;
	void (*zero)(char *page);
};

/* A working set: lines linked in one random cycle. */
struct set {
	char *lines;
	size_t nr;
};

static char *area;
static size_t next_hunk;
static int nr_rounds = 41;

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

/* As the kernel clears a huge page: base page by base page. */
static void zero_string(char *page)
{
	size_t i, len;
	char *at;

	for (i = 0; i < HUNK; i += 4096) {
		at = page + i;
		len = 4096;
		__asm__ volatile("rep stosb"
				 : "+D"(at), "+c"(len)
				 : "a"(0)
				 : "memory");
	}
}

static void zero_words(char *page)
{
	volatile uint64_t *at = (uint64_t *)page;
	size_t i;

	for (i = 0; i < HUNK / 8; i++)
		at[i] = 0;
}

static void zero_bypassing(char *page)
{
	long long *at = (long long *)page;
	size_t i;

	for (i = 0; i < HUNK / 8; i++)
		_mm_stream_si64(at + i, 0);
	_mm_sfence();
}

static const struct way ways[] = {
	{"rep stosb", zero_string},
	{"plain words", zero_words},
	{"cache-bypassing", zero_bypassing},
};

#define NR_WAYS (sizeof(ways) / sizeof(*ways))

static void zero_burst(const struct way *way)
{
	size_t i;

	for (i = 0; i < BURST; i++) {
		way->zero(area + next_hunk * HUNK);
		next_hunk = (next_hunk + 1) % NR_HUNKS;
	}
}

static char *take(size_t len)
{
	char *p = mmap(NULL, len + HUNK, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	p = (char *)(((uintptr_t)p + HUNK - 1) & -HUNK);
	madvise(p, len, MADV_HUGEPAGE);
	memset(p, 1, len);
	return p;
}

static void set_init(struct set *set, size_t len)
{
	size_t *order, i, j, other;

	set->nr = len / LINE;
	set->lines = take((len + HUNK - 1) & -HUNK);
	order = malloc(set->nr * sizeof(*order));
	for (i = 0; i < set->nr; i++)
		order[i] = i;
	for (i = set->nr - 1; i > 0; i--) {
		j = random() % i;
		other = order[i];
		order[i] = order[j];
		order[j] = other;
	}
	for (i = 0; i < set->nr; i++)
		*(void **)(set->lines + order[i] * LINE) =
			set->lines + order[(i + 1) % set->nr] * LINE;
	free(order);
}

static double set_walk(const struct set *set)
{
	double start = now_us();
	void *at = set->lines;
	size_t i;

	for (i = 0; i < set->nr; i++)
		at = *(void **)at;
	__asm__ volatile("" : : "r"(at));
	return now_us() - start;
}

static void pin(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		perror("sched_setaffinity");
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_spread(double *values, int nr)
{
	qsort(values, nr, sizeof(*values), by_size);
	printf(" %9.1f (%.1f - %.1f)", values[nr / 2], values[nr / 4],
	       values[nr * 3 / 4]);
}

static void measure_time(void)
{
	double us[NR_WAYS][nr_rounds], start;
	size_t way;
	int i;

	printf("us to zero a cold page of 2 MiB: median (quartiles)\n");
	for (i = 0; i < nr_rounds; i++) {
		for (way = 0; way < NR_WAYS; way++) {
			start = now_us();
			zero_burst(&ways[way]);
			us[way][i] = (now_us() - start) / BURST;
		}
	}
	for (way = 0; way < NR_WAYS; way++) {
		printf("  %-18s", ways[way].name);
		print_spread(us[way], nr_rounds);
		printf("\n");
	}
}

/* The zeroing thread of the other CPU: what to do, and that it is done. */
static _Atomic(const struct way *) order;

static void *zero_on_order(void *arg)
{
	const struct way *way;

	pin(*(int *)arg);
	for (;;) {
		do {
			way = atomic_load_explicit(&order,
						   memory_order_acquire);
		} while (!way);
		if (!way->zero)
			return NULL;
		zero_burst(way);
		atomic_store_explicit(&order, NULL, memory_order_release);
	}
}

static void zero_elsewhere(const struct way *way)
{
	atomic_store_explicit(&order, way, memory_order_release);
	while (atomic_load_explicit(&order, memory_order_acquire))
		_mm_pause();
}

static void measure_harm(size_t len, bool is_same_cpu)
{
	double warm[nr_rounds], after[NR_WAYS][nr_rounds];
	struct set set;
	size_t way;
	int i;

	set_init(&set, len);
	for (i = 0; i < nr_rounds; i++) {
		for (way = 0; way < NR_WAYS; way++) {
			set_walk(&set);
			warm[i] = set_walk(&set);
			if (is_same_cpu)
				zero_burst(&ways[way]);
			else
				zero_elsewhere(&ways[way]);
			after[way][i] = set_walk(&set);
		}
	}
	printf("us to walk %zu KiB, %lu pages zeroed by %s: median "
	       "(quartiles)\n",
	       len >> 10, BURST,
	       is_same_cpu ? "the same CPU" : "the other CPU");
	printf("  %-18s", "nothing zeroed");
	print_spread(warm, nr_rounds);
	printf("\n");
	for (way = 0; way < NR_WAYS; way++) {
		printf("  after %-12.12s", ways[way].name);
		print_spread(after[way], nr_rounds);
		printf("\n");
	}
	munmap(set.lines, len);
}

int main(int argc, char **argv)
{
	static const struct way quit = {"quit", NULL};
	int other = 1;
	pthread_t thread;

	if (argc > 1)
		nr_rounds = atoi(argv[1]);
	if (nr_rounds < 1) {
		fprintf(stderr, "usage: %s [ROUNDS]\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	area = take(NR_HUNKS * HUNK);
	pin(0);
	measure_time();
	measure_harm(512 << 10, true);
	measure_harm(8 << 20, true);
	if (pthread_create(&thread, NULL, zero_on_order, &other)) {
		fprintf(stderr, "no second thread\n");
		return 1;
	}
	measure_harm(512 << 10, false);
	measure_harm(8 << 20, false);
	atomic_store_explicit(&order, &quit, memory_order_release);
	pthread_join(thread, NULL);
	return 0;
}
