// SPDX-License-Identifier: MIT
/*
 * A preloaded recorder of what a program asks of its allocator: counts, for
 * each pair of size and lifetime, how many objects it made. Lifetime is
 * counted in allocations, so it means the same on a fast machine and a slow
 * one. On exit the counts go to the file $RECORD_OUT.PID, a line
 * `size lifetime objects` each; mix.py folds such files into size_mix.h.
 *
 * Not a tracer: order is lost, and one lock serialises the program.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	NR_SIZES = 96, /* 16-byte steps to 1 KiB, then four a doubling */
	NR_LIVES = 16, /* lifetimes of 4^n allocations */
	NR_SLOTS = 1 << 23,
	NR_EARLY = 1 << 16,
};

struct slot {
	void *ptr;
	uint64_t born;
	uint32_t size;
};

static void *(*real_malloc)(size_t len);
static void *(*real_realloc)(void *ptr, size_t len);
static void (*real_free)(void *ptr);

/* Open-addressed table of live objects; all below guarded by lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *slots;
static uint64_t clock_now;
static uint64_t counts[NR_SIZES][NR_LIVES];

/* dlsym() itself allocates: served from here, never freed. */
static char early[NR_EARLY] __attribute__((aligned(16)));
static size_t early_used;
static int is_resolving;

static int is_early(const void *ptr)
{
	return (const char *)ptr >= early &&
	       (const char *)ptr < early + NR_EARLY;
}

static void *early_alloc(size_t len)
{
	void *ptr = early + early_used;

	early_used += (len + 15) & ~(size_t)15;
	return early_used <= NR_EARLY ? ptr : NULL;
}

static void resolve(void)
{
	is_resolving = 1;
	real_realloc = dlsym(RTLD_NEXT, "realloc");
	real_free = dlsym(RTLD_NEXT, "free");
	slots = mmap(NULL, NR_SLOTS * sizeof(*slots), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (slots == MAP_FAILED)
		abort();
	real_malloc = dlsym(RTLD_NEXT, "malloc");
	is_resolving = 0;
}

static unsigned int size_bucket(size_t size)
{
	unsigned int log;

	if (size <= 1024)
		return size == 0 ? 0 : (size - 1) / 16;
	log = 63 - __builtin_clzl(size - 1);
	log = 64 + (log - 10) * 4 + (((size - 1) >> (log - 2)) & 3);
	return log < NR_SIZES ? log : NR_SIZES - 1;
}

static size_t bucket_size(unsigned int bucket)
{
	if (bucket < 64)
		return (bucket + 1) * 16;
	bucket -= 64;
	return ((bucket % 4 + 5) << (bucket / 4 + 10)) / 4;
}

static unsigned int life_bucket(uint64_t age)
{
	unsigned int log = age == 0 ? 0 : (63 - __builtin_clzl(age)) / 2;

	return log < NR_LIVES ? log : NR_LIVES - 1;
}

static struct slot *find(const void *ptr)
{
	size_t at = ((uintptr_t)ptr >> 4) * 0x9e3779b97f4a7c15ull >> 41;

	while (slots[at].ptr != NULL && slots[at].ptr != ptr)
		at = (at + 1) % NR_SLOTS;
	return &slots[at];
}

static void note_birth(void *ptr, size_t size)
{
	struct slot *slot;

	pthread_mutex_lock(&lock);
	slot = find(ptr);
	slot->ptr = ptr;
	slot->born = ++clock_now;
	slot->size = size > UINT32_MAX ? UINT32_MAX : size;
	pthread_mutex_unlock(&lock);
}

/* The slot stays with size 0, so that probe chains through it hold. */
static void note_death(const void *ptr)
{
	struct slot *slot;

	pthread_mutex_lock(&lock);
	slot = find(ptr);
	if (slot->ptr != NULL && slot->born != 0) {
		counts[size_bucket(slot->size)]
		      [life_bucket(clock_now - slot->born)]++;
		slot->born = 0;
	}
	pthread_mutex_unlock(&lock);
}

void *malloc(size_t len)
{
	void *ptr;

	if (real_malloc == NULL) {
		if (is_resolving)
			return early_alloc(len);
		resolve();
	}
	ptr = real_malloc(len);
	if (ptr != NULL)
		note_birth(ptr, len);
	return ptr;
}

void *calloc(size_t nr, size_t len)
{
	void *ptr;

	if (__builtin_mul_overflow(nr, len, &len))
		return NULL;
	ptr = malloc(len);
	if (ptr != NULL)
		memset(ptr, 0, len);
	return ptr;
}

void *realloc(void *ptr, size_t len)
{
	void *moved;

	if (ptr == NULL)
		return malloc(len);
	if (is_early(ptr)) {
		moved = malloc(len);
		return moved ? memcpy(moved, ptr, len) : NULL;
	}
	note_death(ptr);
	moved = real_realloc(ptr, len);
	if (moved != NULL)
		note_birth(moved, len);
	return moved;
}

void free(void *ptr)
{
	if (ptr == NULL || is_early(ptr))
		return;
	note_death(ptr);
	real_free(ptr);
}

static void count_the_living(void)
{
	for (size_t i = 0; i < NR_SLOTS; i++)
		if (slots[i].born != 0)
			counts[size_bucket(slots[i].size)][NR_LIVES - 1]++;
}

__attribute__((destructor)) static void write_counts(void)
{
	const char *stem = getenv("RECORD_OUT");
	char path[512];
	FILE *file;

	if (stem == NULL || slots == NULL)
		return;
	snprintf(path, sizeof(path), "%s.%d", stem, (int)getpid());
	file = fopen(path, "w");
	if (file == NULL)
		return;
	count_the_living();
	for (int i = 0; i < NR_SIZES; i++)
		for (int j = 0; j < NR_LIVES; j++)
			if (counts[i][j] != 0)
				fprintf(file, "%zu %d %llu\n", bucket_size(i),
					j, (unsigned long long)counts[i][j]);
	fclose(file);
}
