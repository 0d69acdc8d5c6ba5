// SPDX-License-Identifier: MIT
/*
 * decay.c - the curve by which dirty memory may be kept, on invented time.
 */
#include "ktap.h"
#include "testlib.h"

#include "hpheap/decay.h"

static struct decay curve;

static size_t limit_at(u64 now, long decay_ms, size_t dirty)
{
	decay_advance(&curve, now, decay_ms, dirty);
	return curve.limit;
}

/* What became dirty at once may stay less and less, and not at all in the end;
 * the middle of the time keeps about half.
 */
static void falls_to_nothing(void)
{
	static const long times[] = {16, 100, 1000, 10000, 3600000};
	unsigned int i;
	long at;

	for (i = 0; i < sizeof(times) / sizeof(*times); i++) {
		size_t last = SIZE_MAX, now;
		long step = times[i] / 16 ? times[i] / 16 : 1;

		memset(&curve, 0, sizeof(curve));
		limit_at(1000, times[i], 0);
		for (at = step; at <= times[i] + 2 * step; at += step) {
			now = limit_at(1000 + (u64)at, times[i], 100000);
			EXPECT(now <= last, "%zu after %zu at %ld of %ld", now,
			       last, at, times[i]);
			EXPECT(now <= 100000, "%zu of 100000", now);
			last = now;
			if (at == times[i] / 16 * 8)
				EXPECT(now > 30000 && now < 80000,
				       "%zu of 100000 at half time", now);
		}
		EXPECT_EQ(0, last);
	}
}

static void never_and_at_once(void)
{
	memset(&curve, 0, sizeof(curve));
	decay_advance(&curve, 5, -1, 12345);
	EXPECT(curve.limit == SIZE_MAX, "limit %zu with decay off",
	       curve.limit);
	memset(&curve, 0, sizeof(curve));
	limit_at(5, 0, 0);
	limit_at(6, 0, 1000);
	EXPECT_EQ(0, limit_at(100, 0, 1000));
}

static void same_epoch_changes_nothing(void)
{
	size_t before;

	memset(&curve, 0, sizeof(curve));
	limit_at(1000, 1600, 0);
	before = limit_at(1100, 1600, 500);
	EXPECT(!decay_advance(&curve, 1150, 1600, 900), "epoch ended early");
	EXPECT_EQ(before, curve.limit);
	EXPECT(decay_advance(&curve, 1200, 1600, 900), "epoch did not end");
}

/* A long silence is as if nothing had been dirty. */
static void long_silence(void)
{
	memset(&curve, 0, sizeof(curve));
	limit_at(1000, 1000, 0);
	limit_at(1100, 1000, 50000);
	EXPECT_EQ(0, limit_at(1000000000, 1000, 50000));
	EXPECT_EQ(0, limit_at(2000000000, 1000, 50000));
}

/* Steady growth keeps about what came within half the time. */
static void steady_growth(void)
{
	size_t dirty = 0, limit = 0;
	u64 now;

	memset(&curve, 0, sizeof(curve));
	for (now = 1; now < 20000; now += 10) {
		dirty += 100;
		limit = limit_at(now, 1000, dirty);
	}
	EXPECT(limit > 3000 && limit < 8000,
	       "%zu kept, 10000 came within the decay time", limit);
}

/* After a purge only what grows from then on counts. */
static void settles(void)
{
	memset(&curve, 0, sizeof(curve));
	limit_at(1000, 1600, 0);
	limit_at(1100, 1600, 10000);
	decay_settle(&curve, 2000);
	limit_at(1200, 1600, 3000);
	EXPECT_EQ(1000, curve.added[0]);
	decay_settle(&curve, 5000);
	limit_at(1300, 1600, 3500);
	EXPECT_EQ(500, curve.added[0]);
}

static const struct ktap_test tests[] = {
	{"falls_to_nothing", falls_to_nothing},
	{"never_and_at_once", never_and_at_once},
	{"same_epoch_changes_nothing", same_epoch_changes_nothing},
	{"long_silence", long_silence},
	{"steady_growth", steady_growth},
	{"settles", settles},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
