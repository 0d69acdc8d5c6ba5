// SPDX-License-Identifier: MIT
/*
 * meta.c - memory for the library's own structures: zeroed, aligned, apart from
 * each other, used again by size, and NULL when the kernel gives none.
 */
#include "ktap.h"
#include "testlib.h"

#include <pthread.h>

#include "os/sys.h"
#include "rt/meta.h"

#define NR 500

static bool has_none; /* no memory from the kernel */

void *__real_os_map(size_t len);
void *__wrap_os_map(size_t len);
void *__wrap_os_map(size_t len)
{
	return has_none ? NULL : __real_os_map(len);
}

static struct {
	unsigned char *p;
	size_t len;
} held[NR];

static void take(unsigned int i, size_t len)
{
	held[i].p = meta_alloc(len);
	held[i].len = len;
	if (!EXPECT(held[i].p, "NULL for %zu", len))
		return;
	EXPECT(!((uintptr_t)held[i].p % 64), "%p", (void *)held[i].p);
	EXPECT(first_nonzero(held[i].p, len) == len, "%zu bytes not zero", len);
	pattern_fill(held[i].p, len, i);
}

static void give(unsigned int i)
{
	EXPECT(pattern_holds(held[i].p, held[i].len, i), "%u overwritten", i);
	meta_free(held[i].p, held[i].len);
	held[i].p = NULL;
}

static void zeroed_and_apart(void)
{
	struct rng rng;
	unsigned int i, round;

	rng_start(&rng);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < NR; i++)
			if (!held[i].p)
				take(i, rng_size(&rng, 20000));
		for (i = 0; i < NR; i++)
			if (rng_below(&rng, 2))
				give(i);
	}
	for (i = 0; i < NR; i++)
		if (held[i].p)
			give(i);
}

static void used_again(void)
{
	size_t before;
	int i;

	meta_free(meta_alloc(3000), 3000);
	before = meta_bytes();
	for (i = 0; i < 1000; i++)
		meta_free(meta_alloc(3000), 3000);
	EXPECT_EQ(before, meta_bytes());
	meta_free(NULL, 3000);
}

static void largest(void)
{
	take(0, 1 << 20);
	give(0);
}

static void none_left(void)
{
	void *p;
	int nr = 0;

	has_none = true;
	while ((p = meta_alloc(1000)) && nr < 1000000)
		nr++;
	EXPECT(!p, "%d blocks without memory", nr);
	EXPECT(!meta_alloc(1 << 19), "half a MiB without memory");
	has_none = false;
	take(0, 1000);
	give(0);
}

static void *churn(void *arg)
{
	struct rng rng = {(uintptr_t)arg};
	int i;

	for (i = 0; i < 20000; i++) {
		size_t len = rng_size(&rng, 2000);
		void *p = meta_alloc(len);

		if (!p || first_nonzero(p, len) != len)
			return arg;
		pattern_fill(p, len, len);
		if (!pattern_holds(p, len, len))
			return arg;
		meta_free(p, len);
	}
	return NULL;
}

static void from_threads(void)
{
	pthread_t threads[4];
	uintptr_t i;
	void *ret;

	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, pthread_create(&threads[i], NULL, churn,
					    (void *)(i + 1)));
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &ret);
		EXPECT(!ret, "thread %d", (int)i);
	}
}

static const struct ktap_test tests[] = {
	{"zeroed_and_apart", zeroed_and_apart},
	{"used_again", used_again},
	{"largest", largest},
	{"none_left", none_left},
	{"from_threads", from_threads},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
