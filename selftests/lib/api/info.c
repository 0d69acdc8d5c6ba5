// SPDX-License-Identifier: MIT
/*
 * info.c - malloc_trim, mallinfo2, malloc_info, malloc_stats, mallopt, and
 * errno as malloc and free leave it.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <sys/mman.h>

#define NR_BLOCKS 4096
#define LEN 8000

static void *blocks[NR_BLOCKS];

static void fill_heap(void)
{
	int i;

	for (i = 0; i < NR_BLOCKS; i++) {
		blocks[i] = malloc(LEN);
		if (EXPECT(blocks[i], "NULL at block %d", i))
			memset(blocks[i], 1, LEN);
	}
}

static void empty_heap(void)
{
	int i;

	for (i = 0; i < NR_BLOCKS; i++) {
		free(blocks[i]);
		blocks[i] = NULL;
	}
}

static void trim_gives_back(void)
{
	long full, trimmed;

	fill_heap();
	full = proc_status_kib("VmRSS:");
	empty_heap();
	malloc_trim(0);
	trimmed = proc_status_kib("VmRSS:");
	EXPECT(full - trimmed > (long)NR_BLOCKS * LEN / 1024 * 3 / 4,
	       "%ld KiB resident, %ld after trim of %d KiB", full, trimmed,
	       NR_BLOCKS * LEN / 1024);
	malloc_trim(0);
	malloc_trim(1 << 20);
}

/* Memory that a program has locked and freed without unlocking it stays; the
 * rest goes back all the same.
 */
static void trim_around_locked(void)
{
	long full, trimmed;
	void *locked[8];
	int i;

	for (i = 0; i < 8; i++) {
		locked[i] = malloc(3000 << i);
		if (mlock(locked[i], 1)) {
			ktap_skip("mlock: %s", strerror(errno));
			return;
		}
	}
	fill_heap();
	full = proc_status_kib("VmRSS:");
	empty_heap();
	for (i = 0; i < 8; i++)
		free(locked[i]);
	malloc_trim(0);
	trimmed = proc_status_kib("VmRSS:");
	EXPECT(full - trimmed > (long)NR_BLOCKS * LEN / 1024 / 2,
	       "%ld KiB resident, %ld after trim of %d KiB", full, trimmed,
	       NR_BLOCKS * LEN / 1024);
	munlockall();
	malloc_trim(0);
}

static void mallinfo2_counts(void)
{
	struct mallinfo2 empty = mallinfo2(), full, after;
	size_t held = (size_t)NR_BLOCKS * LEN;

	fill_heap();
	full = mallinfo2();
	EXPECT(full.uordblks + full.hblkhd >=
		       empty.uordblks + empty.hblkhd + held,
	       "%zu in use, then %zu with %zu more", empty.uordblks,
	       full.uordblks, held);
	EXPECT(full.arena + full.hblkhd >= full.uordblks,
	       "arena %zu, mapped %zu, in use %zu", full.arena, full.hblkhd,
	       full.uordblks);
	empty_heap();
	after = mallinfo2();
	EXPECT(after.uordblks + after.hblkhd <
		       empty.uordblks + empty.hblkhd + held / 4,
	       "%zu in use empty, %zu after", empty.uordblks, after.uordblks);
}

static size_t info_text(char *buf, size_t room, int options, int *ret_code)
{
	FILE *out = fmemopen(buf, room, "w");

	if (!EXPECT(out, "fmemopen errno %d", errno))
		return 0;
	*ret_code = malloc_info(options, out);
	fclose(out);
	return strlen(buf);
}

static void malloc_info_is_xml(void)
{
	static char buf[1 << 18];
	int code = -2;

	if (!info_text(buf, sizeof(buf), 0, &code))
		return;
	EXPECT_EQ(0, code);
	EXPECT(strstr(buf, "<malloc version="), "%.60s", buf);
	EXPECT(strstr(buf, "</malloc>"), "no end tag in %.60s", buf);
}

/* A bad option is refused and writes nothing. (glibc returns EINVAL, -1 in
 * other versions: any failure will do.)
 */
static void malloc_info_refuses(void)
{
	static char buf[4096];
	int code = 0;

	info_text(buf, sizeof(buf), 99, &code);
	EXPECT(code != 0, "%d for malloc_info(99)", code);
	EXPECT(!buf[0], "%.40s", buf);
}

static int print_stats(void *arg)
{
	(void)arg;
	malloc_stats();
	return 0;
}

static void malloc_stats_to_stderr(void)
{
	struct child child;

	child_call(&child, print_stats, NULL);
	EXPECT_EQ(0, child_code(&child));
	EXPECT(strlen(child.text) > 20, "'%s'", child.text);
}

/* Known parameters are accepted: programs treat 0 as an error. */
static void mallopt_accepts(void)
{
	static const int params[][2] = {
		{M_MMAP_THRESHOLD, 256 * 1024},
		{M_TRIM_THRESHOLD, 256 * 1024},
		{M_TOP_PAD, 64 * 1024},
		{M_MMAP_MAX, 65536},
		{M_ARENA_MAX, 2},
		{M_ARENA_TEST, 2},
		{M_CHECK_ACTION, 3},
		{M_PERTURB, 0},
	};
	unsigned int i;
	void *p;

	for (i = 0; i < sizeof(params) / sizeof(*params); i++)
		EXPECT(mallopt(params[i][0], params[i][1]) == 1,
		       "refused parameter %d", params[i][0]);
	p = malloc(1000);
	EXPECT(p, "NULL after mallopt");
	free(p);
}

static void errno_survives_success(void)
{
	struct rng rng;
	void *p[64] = {};
	int i;

	rng_start(&rng);
	for (i = 0; i < 20000; i++) {
		unsigned int at = (unsigned int)rng_below(&rng, 64);
		size_t len = rng_size(&rng, i % 100 ? 8192 : 4 << 20);

		errno = i;
		free(p[at]);
		EXPECT(errno == i, "errno %d after free", errno);
		p[at] = i & 1 ? malloc(len) : calloc(1, len);
		EXPECT(errno == i, "errno %d after malloc(%zu)", errno, len);
		p[at] = realloc(p[at], len + len / 2);
		EXPECT(errno == i, "errno %d after realloc(%zu)", errno, len);
	}
	for (i = 0; i < 64; i++) {
		errno = 99;
		free(p[i]);
		EXPECT_EQ(99, errno);
	}
	errno = 98;
	malloc_trim(0);
	EXPECT_EQ(98, errno);
}

static const struct ktap_test tests[] = {
	{"trim_gives_back", trim_gives_back},
	{"trim_around_locked", trim_around_locked},
	{"mallinfo2_counts", mallinfo2_counts},
	{"malloc_info_is_xml", malloc_info_is_xml},
	{"malloc_info_refuses", malloc_info_refuses},
	{"malloc_stats_to_stderr", malloc_stats_to_stderr},
	{"mallopt_accepts", mallopt_accepts},
	{"errno_survives_success", errno_survives_success},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
