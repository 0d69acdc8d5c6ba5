// SPDX-License-Identifier: MIT
/*
 * Reports and waits of the memory programs. The kernel's own figures are
 * read from smaps_rollup, which is exact where status and statm are not.
 */
#include "mem.h"

#include "machine.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct resident {
	long rss_kib;
	long anon_kib; /* of these, anonymous */
	long device_kib;
	long huge_kib;
};

static struct resident baseline;
static double mark;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static int is_huge_key(const char *key)
{
	static const char *const keys[] = {
		"AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:",
		"Private_Hugetlb:"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return 1;
	return 0;
}

/* stdio would allocate a buffer in the heap under test: one on the stack. */
static struct resident read_resident(void)
{
	struct resident now_held = {0};
	char line[256];
	char key[64];
	char buffer[4096];
	long kib;
	FILE *file = fopen("/proc/self/smaps_rollup", "r");

	if (file == NULL) {
		perror("/proc/self/smaps_rollup");
		exit(1);
	}
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "%63s %ld kB", key, &kib) != 2)
			continue;
		if (strcmp(key, "Rss:") == 0)
			now_held.rss_kib += kib;
		if (strcmp(key, "Private_Hugetlb:") == 0)
			now_held.rss_kib += kib;
		if (strcmp(key, "Anonymous:") == 0)
			now_held.anon_kib = kib;
		if (is_huge_key(key))
			now_held.huge_kib += kib;
	}
	fclose(file);
	now_held.device_kib = machine_device_kib();
	return now_held;
}

/*
 * What the heap holds. Memory of the module counts whether it is mapped just
 * now or not; files count only where there is none of it.
 */
static long heap_kib(const struct resident *held)
{
	if (held->device_kib)
		return held->anon_kib - baseline.anon_kib + held->device_kib -
		       baseline.device_kib;
	return held->rss_kib - baseline.rss_kib;
}

void mem_baseline(void)
{
	baseline = read_resident();
	machine_baseline();
}

/*
 * Ashlar says what its own tables hold; no peer says it in a comparable way.
 * Prints nothing under another allocator.
 */
static void report_metadata(const char *step)
{
	size_t (*stats)(char *, size_t) = (size_t(*)(char *, size_t))dlsym(
		RTLD_DEFAULT, "ashlar_stats_json");
	static char text[16384];
	const char *found;

	if (stats == NULL)
		return;
	stats(text, sizeof(text));
	found = strstr(text, "\"metadata\":");
	if (found != NULL)
		printf("metadata %s kib %lld\n", step,
		       atoll(found + strlen("\"metadata\":")) >> 10);
}

void mem_report(const char *step, size_t live)
{
	struct resident held = read_resident();
	long rss = heap_kib(&held);
	long huge = held.huge_kib - baseline.huge_kib;

	printf("step %s live_kib %zu rss_kib %ld huge_kib %ld at %.3f\n", step,
	       live >> 10, rss > 0 ? rss : 0, huge > 0 ? huge : 0,
	       mem_elapsed());
	report_metadata(step);
	machine_report(step);
	fflush(stdout);
}

void mem_mark(void)
{
	mark = now();
}

double mem_elapsed(void)
{
	return now() - mark;
}

void mem_wait(double seconds)
{
	struct timespec tick = {0, 10000000};

	while (mem_elapsed() < seconds) {
		void *volatile object = malloc(64);

		free(object);
		nanosleep(&tick, NULL);
	}
}

static void purge_jemalloc(int (*mallctl)(const char *, void *, size_t *,
					  void *, size_t))
{
	/* 4096 is MALLCTL_ARENAS_ALL. */
	mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
}

/*
 * Each allocator's own call. Ashlar speaks mallctl too, but malloc_trim() is
 * what it documents, so it is asked for by name first.
 */
void mem_purge(void)
{
	void *ashlar = dlsym(RTLD_DEFAULT, "ashlar_stats_json");
	void *mallctl = dlsym(RTLD_DEFAULT, "mallctl");
	void *collect = dlsym(RTLD_DEFAULT, "mi_collect");
	void *release =
		dlsym(RTLD_DEFAULT, "MallocExtension_ReleaseFreeMemory");
	void *trim = dlsym(RTLD_DEFAULT, "malloc_trim");

	if (ashlar == NULL && mallctl != NULL)
		purge_jemalloc((int (*)(const char *, void *, size_t *, void *,
					size_t))mallctl);
	else if (collect != NULL)
		((void (*)(int))collect)(1);
	else if (release != NULL)
		((void (*)(void))release)();
	else if (trim != NULL)
		((int (*)(size_t))trim)(0);
}

void *mem_table(size_t len)
{
	void *table = mmap(NULL, len, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (table == MAP_FAILED) {
		perror("mem_table");
		exit(1);
	}
	madvise(table, len, MADV_NOHUGEPAGE);
	memset(table, 0, len);
	return table;
}

void *mem_need(void *ptr)
{
	if (ptr == NULL) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return ptr;
}

size_t mem_number(const char *text, const char *what)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || value < 1) {
		fprintf(stderr, "%s \"%s\": expected a number above 0\n", what,
			text);
		exit(2);
	}
	return value;
}
