// SPDX-License-Identifier: MIT
/*
 * decay.c - the history of demand and what it lets stay, on invented time.
 */
#include "ktap.h"
#include "testlib.h"

#include "hpheap/decay.h"

static struct decay curve;

static void reset(void)
{
	memset(&curve, 0, sizeof(curve));
}

/*
 * What was in use and is not any more may stay less and less, and not at all when
 * the curve ends; its middle keeps about half.
 */
static void falls_to_nothing(void)
{
	static const long times[] = {16, 160, 1600, 16000, 3600000};
	unsigned int i;
	long at;

	for (i = 0; i < sizeof(times) / sizeof(*times); i++) {
		size_t last = SIZE_MAX, now;
		long step = times[i] / 16;

		reset();
		decay_advance(&curve, 1000, times[i], 0);
		decay_note(&curve, 100000);
		EXPECT_EQ(100000, decay_limit(&curve, times[i], 0));
		for (at = step; at <= decay_span(times[i]); at += step) {
			decay_advance(&curve, 1000 + (u64)at, times[i], 0);
			now = decay_limit(&curve, times[i], 0);
			EXPECT(now <= last, "%zu after %zu at %ld of %ld", now,
			       last, at, times[i]);
			last = now;
			if (at == decay_span(times[i]) / step / 2 * step)
				EXPECT(now > 30000 && now < 80000,
				       "%zu of 100000 at half time", now);
		}
		EXPECT_EQ(0, last);
	}
}

static void never_and_at_once(void)
{
	reset();
	decay_advance(&curve, 5, 1000, 0);
	decay_note(&curve, 5000);
	EXPECT(decay_limit(&curve, -1, 0) == SIZE_MAX, "limit %zu with decay off",
	       decay_limit(&curve, -1, 0));
	EXPECT_EQ(0, decay_limit(&curve, 0, 0));
	EXPECT_EQ(5000, decay_limit(&curve, 1000, 0));
}

/* Memory that comes and goes all the time stays, however long it goes on. */
static void steady_churn_keeps_its_peak(void)
{
	u64 now;

	reset();
	for (now = 1; now < 20000; now += 10) {
		decay_advance(&curve, now, 1000, 2000);
		decay_note(&curve, 10000);
		EXPECT(decay_limit(&curve, 1000, 2000) == 8000,
		       "%zu of 8000 kept at %lu",
		       decay_limit(&curve, 1000, 2000), (unsigned long)now);
	}
}

/* A heap that only grows has nothing to keep. */
static void growth_keeps_nothing(void)
{
	size_t used = 0;
	u64 now;

	reset();
	for (now = 1; now < 5000; now += 10) {
		used += 100;
		decay_advance(&curve, now, 1000, used);
		decay_note(&curve, used);
		EXPECT_EQ(0, decay_limit(&curve, 1000, used));
	}
}

/* A long silence is as if nothing had been in use. */
static void long_silence(void)
{
	reset();
	decay_advance(&curve, 1000, 1000, 0);
	decay_note(&curve, 50000);
	decay_advance(&curve, 1000000000, 1000, 0);
	EXPECT_EQ(0, decay_limit(&curve, 1000, 0));
	decay_advance(&curve, 2000000000, 1000, 0);
	EXPECT_EQ(0, decay_limit(&curve, 1000, 0));
}

static void large_amounts(void)
{
	size_t huge = SIZE_MAX / 2;

	reset();
	decay_advance(&curve, 1, 1600, 0);
	decay_note(&curve, huge);
	decay_advance(&curve, 501, 1600, 0);
	EXPECT(decay_limit(&curve, 1600, 0) > huge / 3 &&
	       decay_limit(&curve, 1600, 0) < huge, "%zu of %zu at half time",
	       decay_limit(&curve, 1600, 0), huge);
}

static void rise(void)
{
	struct decay d = {.epoch_ms = 0};
	unsigned int i;

	decay_advance(&d, 1, 1600, 0);
	EXPECT_EQ(0, decay_rise(&d));
	decay_note(&d, 50);
	EXPECT_EQ(50, decay_rise(&d));
	decay_advance(&d, 101, 1600, 50);
	EXPECT_EQ(50, decay_rise(&d));
	decay_note(&d, 150);
	EXPECT_EQ(100, decay_rise(&d));
	/* What does not go on rising is over soon; falling is no rise. */
	for (i = 0; i < RISE_EPOCHS + 1; i++)
		decay_advance(&d, 201 + 100 * i, 1600, 150);
	EXPECT_EQ(0, decay_rise(&d));
	decay_advance(&d, 801, 1600, 20);
	EXPECT_EQ(0, decay_rise(&d));
}

static const struct ktap_test tests[] = {
	{"rise", rise},
	{"falls_to_nothing", falls_to_nothing},
	{"never_and_at_once", never_and_at_once},
	{"steady_churn_keeps_its_peak", steady_churn_keeps_its_peak},
	{"growth_keeps_nothing", growth_keeps_nothing},
	{"long_silence", long_silence},
	{"large_amounts", large_amounts},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
