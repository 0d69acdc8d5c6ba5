// SPDX-License-Identifier: MIT
/*
 * quarantine.c - what waits, on invented addresses: first in, first out, each
 * once, never more than the limit, whatever comes; and its metadata comes back.
 * Threads that push at once lose nothing.
 */
#include "ktap.h"

#include <pthread.h>

#include "heap/quarantine.h"
#include "rt/meta.h"

enum { LIMIT = 100000, PLACE = 16, NR_THREADS = 4, NR_EACH = 100000 };

static uintptr_t next_out;
static size_t nr_out;

static void *block(uintptr_t i)
{
	return (void *)(0x700000000000 + i * 16);
}

static uintptr_t number(const void *p)
{
	return ((uintptr_t)p - 0x700000000000) / 16;
}

static void release_in_order(void *p)
{
	EXPECT_EQ(next_out, number(p));
	next_out++;
	nr_out++;
}

static void start(size_t limit, void (*release)(void *))
{
	quarantine_drain();
	quarantine_init(limit, release);
	next_out = 0;
	nr_out = 0;
}

static void first_in_first_out(void)
{
	size_t in = 0, most = 0, left;

	start(LIMIT, release_in_order);
	for (; in < 50000; in++) {
		EXPECT(quarantine_push(block(in), 1 + in % 3000), "refused");
		EXPECT(quarantine_bytes() <= LIMIT, "%zu wait",
		       quarantine_bytes());
		most = quarantine_bytes() > most ? quarantine_bytes() : most;
	}
	EXPECT(most > LIMIT - 3100, "never more than %zu wait", most);
	left = in - nr_out;
	EXPECT_EQ(left, quarantine_drain());
	EXPECT_EQ(in, nr_out);
	EXPECT_EQ(0, quarantine_bytes());
	EXPECT_EQ(0, quarantine_drain());
}

static void too_heavy(void)
{
	start(LIMIT, release_in_order);
	EXPECT(quarantine_push(block(0), LIMIT / 2 - PLACE), "refused");
	EXPECT(!quarantine_push(block(1), LIMIT / 2), "accepted");
	EXPECT(!quarantine_accepts(LIMIT), "accepted");
	EXPECT_EQ(1, quarantine_drain());
	quarantine_init(0, release_in_order);
	EXPECT(!quarantine_push(block(0), 16), "accepted by none");
	EXPECT_EQ(0, quarantine_drain());
}

static void metadata_comes_back(void)
{
	size_t before = 0;

	start(LIMIT, release_in_order);
	for (size_t in = 0; in < 200000; in++) {
		quarantine_push(block(in), 16);
		if (in == 10000)
			before = meta_bytes();
	}
	EXPECT_EQ(before, meta_bytes());
	quarantine_drain();
	EXPECT_EQ(200000, nr_out);
}

static unsigned char is_out[NR_THREADS * NR_EACH];

static void release_once(void *p)
{
	EXPECT(!__atomic_fetch_add(&is_out[number(p)], 1, __ATOMIC_RELAXED),
	       "%zu twice", (size_t)number(p));
	__atomic_fetch_add(&nr_out, 1, __ATOMIC_RELAXED);
}

static void *push_many(void *arg)
{
	uintptr_t first = (uintptr_t)arg * NR_EACH;

	for (uintptr_t i = first; i < first + NR_EACH; i++) {
		EXPECT(quarantine_push(block(i), 48), "refused");
		if (i % 10000 == 0)
			quarantine_drain();
	}
	return NULL;
}

static void many_threads(void)
{
	pthread_t threads[NR_THREADS];
	uintptr_t i;

	start(LIMIT, release_once);
	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, push_many, (void *)i);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT(quarantine_bytes() <= LIMIT, "%zu wait", quarantine_bytes());
	quarantine_drain();
	EXPECT_EQ(NR_THREADS * NR_EACH, nr_out);
}

static void fill(void)
{
	_Alignas(8) char memory[4096];
	size_t len, at;

	for (len = 8; len <= sizeof(memory); len *= 2) {
		quarantine_fill(memory, len);
		EXPECT(quarantine_fill_holds(memory, len), "%zu", len);
		for (at = 0; at < len; at += 1 + at / 50) {
			memory[at] ^= 0x10;
			EXPECT(!quarantine_fill_holds(memory, len),
			       "byte %zu of %zu", at, len);
			memory[at] ^= 0x10;
		}
	}
}

static const struct ktap_test tests[] = {
	{"first_in_first_out", first_in_first_out},
	{"too_heavy", too_heavy},
	{"metadata_comes_back", metadata_comes_back},
	{"many_threads", many_threads},
	{"fill", fill},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
