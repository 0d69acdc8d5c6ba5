// SPDX-License-Identifier: MIT
/*
 * purge.c - what the caller of a tick learns, as time passes that this file
 * makes up; on address space with no memory behind it.
 */
#include "ktap.h"

#include <time.h>

#include "fakeheap.h"
#include "hpheap/purge.h"
#include "rt/conf.h"

enum { NR_HPAGES = 20 };

/* A heap of which nothing is in use or dirty. */
static bool set_up(long decay_ms)
{
	conf.dirty_decay_ms = decay_ms;
	return fake_heap();
}

static void use_and_free(void)
{
	struct run run[NR_HPAGES];

	for (unsigned int i = 0; i < NR_HPAGES; i++)
		EXPECT(!hpheap_alloc(heap, HPAGE_UNITS, 1, &run[i]),
		       "no huge page");
	for (unsigned int i = 0; i < NR_HPAGES; i++)
		hpheap_free(run[i].unit, HPAGE_UNITS);
}

/* Who calls the tick learns whether to come back at once. */
static void says_what_is_left(void)
{
	unsigned int nr = NR_HPAGES;

	if (!set_up(0))
		return;
	EXPECT_EQ(PURGE_IDLE, purge_tick(heap, 1000, UINT32_MAX));
	use_and_free();
	EXPECT_EQ(PURGE_MORE, purge_tick(heap, 1010, nr / 2));
	EXPECT_EQ(nr - nr / 2, purge_pending(heap) / HPAGE_SIZE);
	EXPECT_EQ(PURGE_DONE, purge_tick(heap, 1020, UINT32_MAX));
	EXPECT_EQ(0, purge_pending(heap));
	EXPECT_EQ(PURGE_IDLE, purge_tick(heap, 1030, UINT32_MAX));
}

/* What was emptied a moment ago, of real time, stays. */
static void let_rest(void)
{
	struct timespec t = {.tv_nsec = conf.dirty_decay_ms * 1000000 / 32};

	nanosleep(&t, NULL);
}

/* As long as something is about to be due; and no longer than that. */
static void waits_for_the_curve(void)
{
	enum purge_result was = PURGE_WAITING, is;
	u64 now = 100000, end = now + 1000;

	if (!set_up(1000))
		return;
	EXPECT_EQ(PURGE_IDLE, purge_tick(heap, now, UINT32_MAX));
	use_and_free();
	EXPECT_EQ(PURGE_WAITING, purge_tick(heap, now + 1, UINT32_MAX));
	EXPECT_EQ(NR_HPAGES, purge_pending(heap) / HPAGE_SIZE);
	let_rest();
	for (now += 50; now <= end; now += 50) {
		is = purge_tick(heap, now, UINT32_MAX);
		EXPECT(is != PURGE_IDLE || was != PURGE_WAITING ||
			       !purge_pending(heap),
		       "%zu bytes are dirty, and nothing is due",
		       purge_pending(heap));
		was = is;
	}
	EXPECT_EQ(0, purge_pending(heap));
	EXPECT_EQ(PURGE_IDLE, purge_tick(heap, now, UINT32_MAX));
}

/* Nothing is ever due: nothing to wait for. */
static void never_due(void)
{
	if (!set_up(-1))
		return;
	use_and_free();
	EXPECT_EQ(PURGE_IDLE, purge_tick(heap, 200000, UINT32_MAX));
	EXPECT_EQ(PURGE_IDLE, purge_tick(heap, 900000, UINT32_MAX));
	EXPECT_EQ(NR_HPAGES, purge_pending(heap) / HPAGE_SIZE);
}

static const struct ktap_test tests[] = {
	{"says_what_is_left", says_what_is_left},
	{"waits_for_the_curve", waits_for_the_curve},
	{"never_due", never_due},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
