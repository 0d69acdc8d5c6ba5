// SPDX-License-Identifier: MIT
/*
 * failnth.c - the whole library with a kernel that says no: call n of those
 * the library makes fails, for every n, once or from then on. malloc may then
 * return NULL with ENOMEM; nothing may crash, hang, overlap or be lost, and when
 * the kernel is willing again, malloc must be too.
 *
 * The linker puts the functions below between the library and os/sys.c
 * (--wrap), so the library is the real one. Each n runs in a process of its
 * own: "inner MODE N".
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>

#include "os/ranges.h"
#include "os/sys.h"

enum { MOST_CALLS = 2000, NR_BLOCKS = 100 };

static unsigned int nr_calls, fail_at, fail_until;

/* True if this call is to fail. */
static bool refuse(void)
{
	unsigned int n = __atomic_add_fetch(&nr_calls, 1, __ATOMIC_RELAXED);

	return n >= fail_at && n < fail_until;
}

#define WRAP(type, name, decl, args, failure)                                  \
	type __real_##name decl;                                               \
	type __wrap_##name decl;                                               \
	type __wrap_##name decl                                                \
	{                                                                      \
		return refuse() ? (failure) : __real_##name args;              \
	}

WRAP(void *, os_reserve, (size_t len), (len), NULL)
WRAP(void *, os_map, (size_t len), (len), NULL)
WRAP(int, os_commit, (void *addr, size_t len), (addr, len), -ENOMEM)
WRAP(int, os_decommit, (void *addr, size_t len), (addr, len), -ENOMEM)
WRAP(int, os_advise, (void *addr, size_t len, int advice), (addr, len, advice),
     -EAGAIN)
WRAP(int, os_move_pages_to, (void *from, void *to, size_t len), (from, to, len),
     -ENOMEM)
WRAP(int, os_map_fixed, (void *addr, size_t len, int flags, int fd, u64 off),
     (addr, len, flags, fd, off), -ENOMEM)
WRAP(long, os_discard_many, (const struct os_range *ranges, unsigned int nr),
     (ranges, nr), -EAGAIN)
WRAP(int, os_open, (const char *path, int flags), (path, flags), -EMFILE)

static struct {
	void *p;
	size_t len;
} blocks[NR_BLOCKS];

static size_t len_of(unsigned int i)
{
	static const size_t lens[] = {8,     100,    700,     3000,	20000,
				      50000, 300000, 3 << 20, 700000, 24};

	return lens[i % 10] + i;
}

/* 0, or 3 if what malloc said is not what it may say. */
static int fill(void)
{
	unsigned int i;

	for (i = 0; i < NR_BLOCKS; i++) {
		size_t len = len_of(i);

		errno = 0;
		blocks[i].p = i % 3	? malloc(len)
			      : i % 2	? calloc(1, len)
					: aligned_alloc(64 << i % 8, len);
		blocks[i].len = blocks[i].p ? len : 0;
		if (!blocks[i].p && errno != ENOMEM)
			return 3;
		pattern_fill(blocks[i].p, blocks[i].len, i);
	}
	return 0;
}

static int resize(void)
{
	unsigned int i;

	for (i = 0; i < NR_BLOCKS; i += 2) {
		size_t len = blocks[i].len * (i % 4 ? 3 : 1) / 2 + 1;
		size_t kept = len < blocks[i].len ? len : blocks[i].len;
		void *p = realloc(blocks[i].p, len);

		if (!p)
			continue;
		if (!pattern_holds_part(p, kept, blocks[i].len, i))
			return 4;
		blocks[i].p = p;
		blocks[i].len = len;
		pattern_fill(p, len, i);
	}
	return 0;
}

static int drop(unsigned int step)
{
	unsigned int i;

	for (i = 0; i < NR_BLOCKS; i += step) {
		if (!pattern_holds(blocks[i].p, blocks[i].len, i))
			return 5;
		free(blocks[i].p);
		blocks[i].p = NULL;
		blocks[i].len = 0;
	}
	return 0;
}

static void *in_thread(void *ret)
{
	void *p[50];
	int i;

	for (i = 0; i < 50; i++) {
		p[i] = malloc((size_t)i * 50);
		pattern_fill(p[i], p[i] ? (size_t)i * 50 : 0, (uint64_t)i);
	}
	for (i = 0; i < 50; i++) {
		if (!pattern_holds(p[i], p[i] ? (size_t)i * 50 : 0,
				   (uint64_t)i))
			*(int *)ret = 6;
		free(p[i]);
	}
	return NULL;
}

static int thread(void)
{
	pthread_t id;
	int ret = 0;

	if (!pthread_create(&id, NULL, in_thread, &ret))
		pthread_join(id, NULL);
	return ret;
}

/* After the failures: all must be served. */
static int all_served(void)
{
	unsigned int i;
	int ret = fill();

	for (i = 0; i < NR_BLOCKS && !ret; i++)
		if (!blocks[i].p)
			ret = 7;
	return ret ? ret : drop(1);
}

static int work(void)
{
	int ret = fill();

	ret = ret ? ret : drop(3);
	malloc_trim(0);
	ret = ret ? ret : resize();
	ret = ret ? ret : thread();
	ret = ret ? ret : drop(2);
	malloc_trim(0);
	ret = ret ? ret : drop(1);
	return ret;
}

/* Before anything has allocated: main() of the inner process calls it first. */
static int inner(const char *mode, unsigned int n)
{
	int ret;

	alarm(120);
	nr_calls = 0;
	fail_at = n;
	fail_until = !strcmp(mode, "once") ? n + 1 : ~0u;
	ret = work();
	if (ret)
		return ret;
	if (nr_calls < n)
		return 42; /* the end of the series */
	fail_until = 0;
	/*
	 * The file of options is looked for first; then, without address space
	 * at the start, there is no heap for ever.
	 */
	return n > 2 ? all_served() : 0;
}

static void every_call(const char *mode)
{
	char self[] = "/proc/self/exe", word[] = "inner", which[16], nth[16];
	char *argv[] = {self, word, which, nth, NULL};
	struct child child;
	unsigned int n;

	snprintf(which, sizeof(which), "%s", mode);
	for (n = 1; n < MOST_CALLS; n++) {
		snprintf(nth, sizeof(nth), "%u", n);
		child_exec(&child, argv, "backend:thp,warn:false");
		if (child_code(&child) == 42)
			break;
		EXPECT(!child_code(&child), "code %d at call %u: %s",
		       child_code(&child), n, child.text);
	}
	printf("# %u calls\n", n - 1);
	EXPECT(n > 10 && n < MOST_CALLS, "%u calls", n);
}

static void one_failure(void)
{
	every_call("once");
}

static void failing_from_then_on(void)
{
	every_call("on");
}

static const struct ktap_test tests[] = {
	{"one_failure", one_failure},
	{"failing_from_then_on", failing_from_then_on},
	{},
};

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "inner"))
		return inner(argv[2], (unsigned int)atoi(argv[3]));
	return ktap_main(tests, argc, argv);
}
