// SPDX-License-Identifier: MIT
/*
 * sized.c - C23's free_sized and free_aligned_sized. A libc without them and
 * no Ashlar: skipped.
 */
#include "ktap.h"
#include "testlib.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>

void free_sized(void *p, size_t size) __attribute__((weak));
void free_aligned_sized(void *p, size_t align, size_t size)
	__attribute__((weak));

static int skipped(void)
{
	if (free_sized && free_aligned_sized)
		return 0;
	if (is_ashlar())
		EXPECT(0, "libashlar without free_sized");
	else
		ktap_skip("this malloc has no free_sized");
	return 1;
}

static void every_size(void)
{
	size_t size;

	if (skipped())
		return;
	for (size = 0; size < 70000; size += size < 5000 ? 1 : 97) {
		void *p = malloc(size), *q = calloc(1, size);

		EXPECT(p && q, "NULL at %zu", size);
		pattern_fill(p, size, size);
		free_sized(q, size);
		EXPECT(pattern_holds(p, size, size), "overwritten at %zu",
		       size);
		free_sized(p, size);
	}
	for (size = 70000; size < 64 << 20; size *= 2)
		free_sized(malloc(size), size);
}

static void after_realloc(void)
{
	size_t size;

	if (skipped())
		return;
	for (size = 1; size < 1 << 20; size = size * 3 / 2 + 1)
		free_sized(realloc(malloc(size), size * 2), size * 2);
}

static void every_alignment(void)
{
	size_t align, size;

	if (skipped())
		return;
	for (align = 1; align <= 4 << 20; align *= 2)
		for (size = 0; size < 200000; size = size * 5 / 3 + 1) {
			void *p = aligned_alloc(align, size);

			EXPECT(p && !((uintptr_t)p & (align - 1)),
			       "%p for %zu, %zu", p, align, size);
			free_aligned_sized(p, align, size);
		}
}

static void null_and_errno(void)
{
	if (skipped())
		return;
	errno = 44;
	free_sized(NULL, 0);
	free_sized(NULL, 100);
	free_aligned_sized(NULL, 64, 100);
	free_sized(malloc(100), 100);
	EXPECT_EQ(44, errno);
}

/* Sized frees really give the memory back. */
static void does_not_leak(void)
{
	long before = 0, after;
	int i;

	if (skipped())
		return;
	for (i = 0; i < 30000; i++) {
		free_sized(memset(malloc(1000), 1, 1000), 1000);
		free_aligned_sized(memset(aligned_alloc(4096, 3000), 1, 3000),
				   4096, 3000);
		free_sized(memset(malloc(90000), 1, 10), 90000);
		if (i == 1000)
			before = proc_status_kib("VmRSS:");
	}
	after = proc_status_kib("VmRSS:");
	EXPECT(after - before < 8 * 1024, "%ld KiB grown to %ld KiB", before,
	       after);
}

static const struct ktap_test tests[] = {
	{"every_size", every_size},
	{"after_realloc", after_realloc},
	{"every_alignment", every_alignment},
	{"null_and_errno", null_and_errno},
	{"does_not_leak", does_not_leak},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
