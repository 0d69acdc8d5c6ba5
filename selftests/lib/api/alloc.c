// SPDX-License-Identifier: MIT
/*
 * alloc.c - malloc, calloc and free at their edges: size 0, sizes that can't
 * be, overflow, zeroing of reused memory.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static void zero_size(void)
{
	char *a = malloc(0), *b = malloc(0), *c = calloc(0, 8);
	char *d = calloc(8, 0);

	EXPECT(a && b && c && d, "%p %p %p %p", (void *)a, (void *)b,
	       (void *)c, (void *)d);
	EXPECT(a != b && a != c && b != c && c != d && a != d, "the same %p",
	       (void *)a);
	free(a);
	free(b);
	free(c);
	free(d);
}

static void expect_refused(const char *what, void *p)
{
	int saw = errno;

	EXPECT(!p, "%s gave %p", what, p);
	EXPECT(saw == ENOMEM, "errno %d after %s", saw, what);
	free(p);
}

static void impossible_sizes(void)
{
	static const size_t sizes[] = {
		SIZE_MAX,	   SIZE_MAX - 1,     SIZE_MAX - 15,
		SIZE_MAX - 4096,   SIZE_MAX - 65536, SIZE_MAX - (2u << 20),
		SIZE_MAX - (4u << 20), SIZE_MAX / 2, SIZE_MAX / 2 + 1,
		(size_t)PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1,
		(size_t)1 << 62,   (size_t)1 << 56,  (size_t)1 << 48,
	};
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char what[64];

		snprintf(what, sizeof(what), "malloc(%#zx)", sizes[i]);
		errno = 0;
		expect_refused(what, malloc(sizes[i]));
		snprintf(what, sizeof(what), "calloc(1, %#zx)", sizes[i]);
		errno = 0;
		expect_refused(what, calloc(1, sizes[i]));
	}
}

static void calloc_overflow(void)
{
	static const size_t pairs[][2] = {
		{SIZE_MAX, 2},
		{2, SIZE_MAX},
		{SIZE_MAX, SIZE_MAX},
		{SIZE_MAX / 2 + 1, 2},
		{(size_t)1 << 32, (size_t)1 << 32},
		{((size_t)1 << 32) + 1, ((size_t)1 << 32) - 1},
		{SIZE_MAX / 3, 4},
		{16, SIZE_MAX / 16 + 1},
	};
	unsigned int i;

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		char what[80];

		snprintf(what, sizeof(what), "calloc(%#zx, %#zx)", pairs[i][0],
			 pairs[i][1]);
		errno = 0;
		expect_refused(what, calloc(pairs[i][0], pairs[i][1]));
	}
}

/* A refusal leaves the heap as good as before. */
static void works_after_refusal(void)
{
	int i;

	for (i = 0; i < 1000; i++) {
		void *p, *q;

		free(malloc(SIZE_MAX - (size_t)i * 4096));
		p = malloc(100);
		q = calloc(10, 10);
		EXPECT(p && q && p != q, "%p %p", p, q);
		free(p);
		free(q);
	}
}

static void dirty(size_t size, int nr)
{
	void *p[64];
	int i;

	for (i = 0; i < nr; i++) {
		p[i] = malloc(size);
		if (p[i])
			memset(p[i], 0xdb, malloc_usable_size(p[i]));
	}
	while (nr--)
		free(p[nr]);
}

static void expect_zero(size_t nmemb, size_t size)
{
	unsigned char *p = calloc(nmemb, size);
	size_t len = nmemb * size, at;

	if (!EXPECT(p, "NULL for calloc(%zu, %zu)", nmemb, size))
		return;
	at = first_nonzero(p, len);
	EXPECT(at == len, "byte %zu of calloc(%zu, %zu) is %#x", at, nmemb,
	       size, p[at]);
	memset(p, 0xbd, malloc_usable_size(p));
	free(p);
}

static void calloc_zeroes_reused(void)
{
	size_t size;

	for (size = 1; size <= 4096; size += size < 300 ? 1 : 61) {
		dirty(size, 64);
		expect_zero(1, size);
		expect_zero(size, 1);
		expect_zero(1, size);
	}
	for (size = 4096; size <= 8u << 20; size *= 2) {
		dirty(size, 2);
		expect_zero(1, size);
		dirty(size + 77, 2);
		expect_zero(size / 16, 16);
		expect_zero(1, size + 13);
	}
}

/* Memory that went back by trimming, and memory freed as other sizes. */
static void calloc_zeroes_after_trim(void)
{
	struct rng rng;
	int i;

	rng_start(&rng);
	for (i = 0; i < 60; i++) {
		dirty(rng_size(&rng, 1 << 20), 8);
		if (i % 8 == 0)
			malloc_trim(0);
		expect_zero(1, rng_size(&rng, 1 << 20));
		expect_zero(1 + rng_below(&rng, 100), rng_size(&rng, 5000));
	}
}

enum { LONG_LEN = 64 << 20 };

/* Pages of a block of LONG_LEN bytes that are in memory. */
static size_t nr_resident(void *p)
{
	static unsigned char pages[LONG_LEN / 4096];
	size_t size = (size_t)sysconf(_SC_PAGESIZE), nr = 0, i;
	uintptr_t from = ((uintptr_t)p + size - 1) & -size;
	size_t len = LONG_LEN - size;

	EXPECT_EQ(0, mincore((void *)from, len, pages));
	for (i = 0; i < len / size; i++)
		nr += pages[i] & 1;
	return nr;
}

/* Reserved pages that go back can be taken by others: they are cleared. */
static bool keeps_pages(void)
{
	const char *conf = getenv("ASHLAR_CONF");

	return conf && strstr(conf, "backend:hugetlb");
}

/* A long block, used before, is zero and takes no memory until it is touched. */
static void calloc_long_is_lazy(void)
{
	size_t len = LONG_LEN, nr;
	char *p, *tail;

	dirty(len, 1);
	p = calloc(1, len);
	if (!EXPECT(p, "NULL for calloc(1, %zu)", len))
		return;
	nr = nr_resident(p);
	EXPECT_EQ(len, first_nonzero(p, len));
	free(p);
	/* Ends that are no whole huge pages; a block behind that stays. */
	dirty(2 * len, 1);
	p = malloc(len + 12345);
	tail = malloc(4 << 20);
	memset(p, 0xdb, len + 12345);
	pattern_fill(tail, 4 << 20, 1);
	free(p);
	expect_zero(1, len + 12345);
	expect_zero(len - 54321, 1);
	EXPECT(pattern_holds(tail, 4 << 20, 1), "the next block is gone");
	free(tail);
	if (is_sanitized())
		ktap_skip("resident memory is the sanitizer's");
	else if (keeps_pages())
		ktap_skip("reserved pages stay with the program");
	else
		EXPECT(nr < len / 4096 / 8, "%zu pages resident", nr);
}

static void free_null(void)
{
	errno = 1234;
	free(NULL);
	EXPECT_EQ(1234, errno);
}

/* Freed memory is used again: a loop must not grow. */
static void loop_does_not_grow(void)
{
	static const size_t sizes[] = {16, 100, 1000, 5000, 40000, 300000,
				       3000000};
	long before, after;
	unsigned int i, round;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		dirty(sizes[i], 4);
		before = proc_status_kib("VmRSS:");
		for (round = 0; round < 2000; round++) {
			char *p = malloc(sizes[i]);

			p[0] = p[sizes[i] - 1] = 1;
			free(p);
		}
		after = proc_status_kib("VmRSS:");
		EXPECT(after - before < 16 * 1024,
		       "%ld KiB grown to %ld KiB at size %zu", before, after,
		       sizes[i]);
	}
}

static const struct ktap_test tests[] = {
	{"zero_size", zero_size},
	{"impossible_sizes", impossible_sizes},
	{"calloc_overflow", calloc_overflow},
	{"works_after_refusal", works_after_refusal},
	{"calloc_zeroes_reused", calloc_zeroes_reused},
	{"calloc_zeroes_after_trim", calloc_zeroes_after_trim},
	{"calloc_long_is_lazy", calloc_long_is_lazy},
	{"free_null", free_null},
	{"loop_does_not_grow", loop_does_not_grow},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
