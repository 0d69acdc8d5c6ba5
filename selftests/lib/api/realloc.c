// SPDX-License-Identifier: MIT
/*
 * realloc.c - realloc and reallocarray: contents kept over every kind of
 * growth and shrinking, the edges (NULL, 0, impossible), failure that leaves
 * the old block alone.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Resize a filled block and refill it. Return: the new block, or NULL. */
static void *resize(void *p, size_t old, size_t new, uint64_t id)
{
	void *q = realloc(p, new);

	if (!EXPECT(q, "NULL for realloc %zu -> %zu", old, new))
		return NULL;
	EXPECT(malloc_usable_size(q) >= new, "usable %zu of %zu",
	       malloc_usable_size(q), new);
	EXPECT(!((uintptr_t)q % (new >= 16 ? 16 : 1)), "%p of %zu", q, new);
	EXPECT(pattern_holds_part(q, min(old, new), old, id),
	       "other contents after realloc %zu -> %zu", old, new);
	pattern_fill(q, new, id + 1);
	return q;
}

static void null_is_malloc(void)
{
	void *p = realloc(NULL, 100), *q = realloc(NULL, 0);

	EXPECT(p && malloc_usable_size(p) >= 100, "%p", p);
	EXPECT(q, "%p for realloc(NULL, 0)", q);
	free(p);
	free(q);
}

/* As glibc: realloc(p, 0) frees and returns NULL, errno untouched. */
static void zero_frees(void)
{
	static const size_t sizes[] = {1, 100, 5000, 100000, 5000000};
	unsigned int i;
	long before;
	int round;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		void *p = malloc(sizes[i]);

		errno = 55;
		p = realloc(p, 0);
		EXPECT(!p, "%p for realloc(p, 0) of size %zu", p, sizes[i]);
		EXPECT_EQ(55, errno);
		free(p);
	}
	before = proc_status_kib("VmRSS:");
	for (round = 0; round < 1000; round++)
		if (realloc(memset(malloc(100000), 1, 100000), 0))
			break;
	EXPECT(is_sanitized() ||
		       proc_status_kib("VmRSS:") - before < 32 * 1024,
	       "%ld KiB grown to %ld KiB: realloc(p, 0) leaks", before,
	       proc_status_kib("VmRSS:"));
}

static void step_through(size_t first, size_t last, size_t step)
{
	size_t old = first, new;
	uint64_t id = first;
	void *p = malloc(first);

	pattern_fill(p, first, id);
	for (new = first + step; p && new <= last; new += step) {
		p = resize(p, old, new, id++);
		old = new;
	}
	for (new = old - step; p && new >= first && new < old; new -= step) {
		p = resize(p, old, new, id++);
		old = new;
	}
	free(p);
}

static void grow_and_shrink(void)
{
	step_through(1, 2000, 1);
	step_through(1, 70000, 97);
	step_through(30000, 1 << 20, 30011);
	step_through(1 << 20, 8 << 20, 700001);
}

static void random_walk(void)
{
	struct rng rng;
	struct {
		void *p;
		size_t len;
		uint64_t id;
	} slot[32] = {};
	int i, nr = 20000 * (int)test_scale();

	rng_start(&rng);
	for (i = 0; i < nr; i++) {
		unsigned int at = (unsigned int)rng_below(&rng, 32);
		size_t len = rng_size(&rng, i % 64 ? 16384 : 4 << 20);

		slot[at].p = resize(slot[at].p, slot[at].len, len, slot[at].id);
		if (!slot[at].p)
			break;
		slot[at].len = len;
		slot[at].id++;
	}
	for (i = 0; i < 32; i++)
		free(slot[i].p);
}

static void same_size_stays(void)
{
	static const size_t sizes[] = {8, 24, 100, 1000, 10000, 100000, 5000000};
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		void *p = malloc(sizes[i]);
		uintptr_t was = (uintptr_t)p;

		p = realloc(p, sizes[i]);
		EXPECT((uintptr_t)p == was, "moved at size %zu", sizes[i]);
		free(p);
	}
}

static void within_usable_stays(void)
{
	size_t size;

	for (size = 1; size < 100000; size += 1 + size / 16) {
		void *p = malloc(size);
		uintptr_t was = (uintptr_t)p;

		p = realloc(p, malloc_usable_size(p));
		EXPECT((uintptr_t)p == was, "moved at size %zu", size);
		free(p);
	}
}

static void failure_keeps_block(void)
{
	static const size_t sizes[] = {10, 1000, 100000, 10000000};
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		void *p = malloc(sizes[i]), *q;

		pattern_fill(p, sizes[i], i);
		errno = 0;
		q = realloc(p, SIZE_MAX - 100);
		EXPECT(!q && errno == ENOMEM, "%p, errno %d", q, errno);
		errno = 0;
		q = reallocarray(p, SIZE_MAX / 4, 8);
		EXPECT(!q && errno == ENOMEM, "%p, errno %d", q, errno);
		EXPECT(pattern_holds(p, sizes[i], i), "block of %zu changed",
		       sizes[i]);
		free(p);
	}
}

static void array(void)
{
	int *p = reallocarray(NULL, 10, sizeof(*p)), i;

	if (!EXPECT(p, "NULL"))
		return;
	for (i = 0; i < 10; i++)
		p[i] = i;
	p = reallocarray(p, 100000, sizeof(*p));
	for (i = 0; p && i < 10; i++)
		EXPECT_EQ(i, p[i]);
	free(p);
	errno = 0;
	EXPECT(!reallocarray(NULL, (size_t)1 << 33, (size_t)1 << 33) &&
		       errno == ENOMEM,
	       "errno %d", errno);
}

/* Aligned blocks may be resized and freed like any other. */
static void of_aligned(void)
{
	size_t align;

	for (align = 16; align <= 1 << 20; align *= 2) {
		void *p = aligned_alloc(align, align * 2);

		if (!EXPECT(p, "NULL for alignment %zu", align))
			continue;
		pattern_fill(p, align * 2, align);
		p = resize(p, align * 2, align * 3 + 5, align);
		p = resize(p, align * 3 + 5, 10, align + 1);
		free(p);
	}
}

/* Growth by small steps must cost amortised: not one move per step. */
static void growth_moves_seldom(void)
{
	size_t len = 16, moves = 0, steps = 0;
	char *p = malloc(len);
	uintptr_t was;

	while (p && len < 16 << 20) {
		was = (uintptr_t)p;
		len += len < 4096 ? 16 : 4096;
		p = realloc(p, len);
		if (p)
			p[len - 1] = 1;
		moves += (uintptr_t)p != was;
		steps++;
	}
	EXPECT(p, "NULL at %zu", len);
	EXPECT(moves * 4 < steps, "%zu moves in %zu steps", moves, steps);
	free(p);
}

static const struct ktap_test tests[] = {
	{"null_is_malloc", null_is_malloc},
	{"zero_frees", zero_frees},
	{"grow_and_shrink", grow_and_shrink},
	{"random_walk", random_walk},
	{"same_size_stays", same_size_stays},
	{"within_usable_stays", within_usable_stays},
	{"failure_keeps_block", failure_keeps_block},
	{"array", array},
	{"of_aligned", of_aligned},
	{"growth_moves_seldom", growth_moves_seldom},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
