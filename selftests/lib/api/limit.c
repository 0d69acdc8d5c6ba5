// SPDX-License-Identifier: MIT
/*
 * limit.c - memory that runs out: small RLIMIT_AS from the start or set later,
 * RLIMIT_DATA, from many threads. Each case runs in a child. malloc must fail with ENOMEM, never
 * crash, leave old blocks alone, and serve again after frees.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#define MIB ((size_t)1 << 20)
#define NR_KEPT 200000

static void *kept[NR_KEPT];

struct limit {
	int which;
	size_t len;
	size_t block;
};

static int set_limit(const struct limit *limit)
{
	struct rlimit rl = {limit->len, limit->len};

	return setrlimit((__rlimit_resource_t)limit->which, &rl);
}

/* Bytes in use that a later limit must leave room for. */
static size_t in_use(int which)
{
	const char *key = which == RLIMIT_AS ? "VmSize:" : "VmData:";

	return (size_t)proc_status_kib(key) * 1024;
}

static int fail(int code, const char *what, size_t at)
{
	fprintf(stderr, "%s (at %zu, errno %d)\n", what, at, errno);
	return code;
}

/* Take blocks until refused, check them all, free, take again. */
static int exhaust(const struct limit *limit)
{
	size_t nr = 0, i, again;

	errno = 0;
	while (nr < NR_KEPT && (kept[nr] = malloc(limit->block))) {
		pattern_fill(kept[nr], limit->block, nr);
		nr++;
	}
	if (nr == NR_KEPT)
		return fail(2, "never refused", nr);
	if (errno != ENOMEM)
		return fail(3, "refused with another errno", nr);
	if (nr * limit->block < 4 * MIB)
		return fail(4, "refused too early", nr);
	if (calloc(1, 64 * MIB + limit->len) || errno != ENOMEM)
		return fail(5, "calloc not refused", nr);
	for (i = 0; i < nr; i++)
		if (!pattern_holds(kept[i], limit->block, i))
			return fail(6, "block overwritten", i);
	for (i = 0; i < nr; i++)
		free(kept[i]);
	for (again = 0; again < nr * 9 / 10; again++) {
		kept[again] = malloc(limit->block);
		if (!kept[again])
			return fail(7, "freed memory not served again", again);
	}
	for (i = 0; i < again; i++)
		free(kept[i]);
	return 0;
}

static int limited(void *arg)
{
	struct limit limit = *(struct limit *)arg;

	limit.len += in_use(limit.which);
	if (set_limit(&limit))
		return fail(1, "setrlimit", limit.len);
	return exhaust(&limit);
}

static void expect_limited(int which, size_t len, size_t block)
{
	struct limit limit = {which, len, block};
	struct child child;

	child_call(&child, limited, &limit);
	EXPECT(!child_code(&child), "block %zu: code %d, '%s'", block,
	       child_code(&child), child.text);
}

/* Before the first malloc: under this test's preload nothing has allocated. */
static void address_space(void)
{
	expect_limited(RLIMIT_AS, 64 * MIB, 3000);
	expect_limited(RLIMIT_AS, 128 * MIB, 3 * MIB);
}

/* Data may be limited at any time. (A later limit on address space does not
 * bind an allocator that has reserved its own.)
 */
static int limited_later(void *arg)
{
	free(malloc(100));
	free(malloc(100000));
	return limited(arg);
}

static void data_later(void)
{
	static const size_t blocks[] = {900, 3000, 60000, 3 * MIB};
	struct child child;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct limit limit = {RLIMIT_DATA, 128 * MIB, blocks[i]};

		child_call(&child, limited_later, &limit);
		EXPECT(!child_code(&child), "block %zu: code %d, '%s'",
		       blocks[i], child_code(&child), child.text);
	}
}

/* What is far too much leaves no tables for it behind. */
static int refused_then(void *arg)
{
	struct limit limit = *(struct limit *)arg;
	int i;

	free(malloc(100000));
	limit.len += in_use(limit.which);
	if (set_limit(&limit))
		return fail(1, "setrlimit", limit.len);
	for (i = 33; i < 40; i++)
		if (malloc((size_t)1 << i))
			return fail(2, "not refused", (size_t)i);
	kept[0] = malloc(limit.block);
	return kept[0] ? 0 : fail(3, "refused ever after", limit.block);
}

static void data_after_refusal(void)
{
	struct limit limit = {RLIMIT_DATA, 200 * MIB, 150 * MIB};
	struct child child;

	child_call(&child, refused_then, &limit);
	EXPECT(!child_code(&child), "code %d, '%s'", child_code(&child),
	       child.text);
}

/* The program starts over under the limit: the library's first steps must do
 * with it too. "inner" is this program's word for that.
 */
static int run_inner(void *arg)
{
	struct limit *limit = arg;
	char len[32], block[32];

	snprintf(len, sizeof(len), "%zu", limit->len);
	snprintf(block, sizeof(block), "%zu", limit->block);
	if (set_limit(limit))
		return fail(1, "setrlimit", limit->len);
	execl("/proc/self/exe", "limit", "inner", len, block, NULL);
	return fail(8, "exec", 0);
}

static void expect_starts_under(size_t len, size_t block)
{
	struct limit limit = {RLIMIT_AS, len, block};
	struct child child;

	child_call(&child, run_inner, &limit);
	EXPECT(!child_code(&child), "limit %zu MiB: code %d, '%s'", len / MIB,
	       child_code(&child), child.text);
}

static void address_space_from_start(void)
{
	expect_starts_under(1024 * MIB, 100000);
	expect_starts_under(512 * MIB, 20000);
	expect_starts_under(128 * MIB, 5000);
	expect_starts_under(64 * MIB, 1000);
}

static int inner(char **argv)
{
	struct limit limit = {RLIMIT_AS, strtoull(argv[2], NULL, 10),
			      strtoull(argv[3], NULL, 10)};

	return exhaust(&limit);
}

static void *thread_exhausts(void *arg)
{
	size_t nr = 0;
	void *last = NULL, *p;

	/* A list through the blocks, so that no array is needed. */
	while ((p = malloc(2000))) {
		*(void **)p = last;
		last = p;
		nr++;
	}
	while (last) {
		p = *(void **)last;
		free(last);
		last = p;
	}
	*(size_t *)arg = nr;
	return NULL;
}

/* Many threads run into the limit at once; all are refused, none is lost. */
static int threads_limited(void *arg)
{
	struct limit limit = {RLIMIT_DATA, 256 * MIB, 0};
	pthread_t threads[4];
	size_t nr[4] = {};
	int i;

	(void)arg;
	for (i = 0; i < 4; i++)
		nr[i] = 0;
	limit.len += in_use(limit.which);
	if (set_limit(&limit))
		return fail(1, "setrlimit", limit.len);
	for (i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, thread_exhausts, &nr[i]))
			return fail(2, "pthread_create", (size_t)i);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	if (!nr[0] && !nr[1] && !nr[2] && !nr[3])
		return fail(3, "nothing served", 0);
	free(malloc(100000));
	return 0;
}

static void threads_reach_limit(void)
{
	struct child child;

	child_call(&child, threads_limited, NULL);
	EXPECT(!child_code(&child), "code %d, '%s'", child_code(&child),
	       child.text);
}

/* realloc refused by the limit keeps its block. */
static int realloc_limited(void *arg)
{
	struct limit limit = {RLIMIT_DATA, 64 * MIB, 0};
	size_t len = MIB;
	void *p = malloc(len), *q;

	(void)arg;
	limit.len += in_use(limit.which);
	pattern_fill(p, len, 1);
	if (set_limit(&limit))
		return fail(1, "setrlimit", limit.len);
	while ((q = realloc(p, len + MIB))) {
		p = q;
		len += MIB;
		pattern_fill(p, len, 1);
		if (len > 512 * MIB)
			return fail(2, "never refused", len);
	}
	if (errno != ENOMEM)
		return fail(3, "another errno", len);
	if (!pattern_holds(p, len, 1))
		return fail(4, "block changed", len);
	free(p);
	return 0;
}

static void realloc_reaches_limit(void)
{
	struct child child;

	child_call(&child, realloc_limited, NULL);
	EXPECT(!child_code(&child), "code %d, '%s'", child_code(&child),
	       child.text);
}

static const struct ktap_test tests[] = {
	{"address_space", address_space},
	{"data_later", data_later},
	{"data_after_refusal", data_after_refusal},
	{"address_space_from_start", address_space_from_start},
	{"threads_reach_limit", threads_reach_limit},
	{"realloc_reaches_limit", realloc_reaches_limit},
	{},
};

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "inner"))
		return inner(argv);
	return ktap_main(tests, argc, argv);
}
