// SPDX-License-Identifier: MIT
/*
 * turnover.c - which classes are expected to come and go, by size and time.
 */
#include "ktap.h"

#include "heap/turnover.h"

enum { MIB = 1 << 20 };

/* As a heap does that gets and loses slabs; true: they went as a wave. */
static bool shrink(struct turnover *t, size_t bytes, unsigned int now_ms)
{
	if (!turnover_is_over(t, bytes))
		return false;
	turnover_ends(t, bytes, now_ms);
	return true;
}

static void stays_until_it_has_gone(void)
{
	struct turnover t = {};

	turnover_grows(&t, 4 * MIB, 1000);
	EXPECT(!t.is_fleeting, "never gone");
	EXPECT(!shrink(&t, 4 * MIB / 4 + 1, 2000), "more than a quarter is left");
	EXPECT(!t.is_fleeting, "more than a quarter is left");
	EXPECT(shrink(&t, 4 * MIB / 4, 2100), "a quarter is left");
	EXPECT(t.is_fleeting, "three quarters have gone");
}

/* The next wave is measured against itself. */
static void waves(void)
{
	struct turnover t = {};

	for (unsigned int now = 1000; now < 9000; now += 1000) {
		turnover_grows(&t, 2 * MIB, now);
		EXPECT_EQ(now > 1000, t.is_fleeting);
		EXPECT(!shrink(&t, MIB, now + 300), "half is left");
		EXPECT(shrink(&t, 0, now + 500), "nothing is left");
	}
}

static void little_does_not_matter(void)
{
	struct turnover t = {};

	turnover_grows(&t, TURNOVER_LEAST - 1, 1000);
	EXPECT(!shrink(&t, 0, 1100), "%d bytes at the peak", TURNOVER_LEAST - 1);
	EXPECT(!t.is_fleeting, "%d bytes at the peak", TURNOVER_LEAST - 1);
}

/* What does not go within twice the time, and ten seconds, has come to stay. */
static void comes_to_stay(void)
{
	struct turnover t = {};

	turnover_grows(&t, 4 * MIB, 1000);
	shrink(&t, 0, 31000);
	turnover_grows(&t, MIB, 40000);
	turnover_grows(&t, 2 * MIB, 99000);
	EXPECT(t.is_fleeting, "not longer than the last ones yet");
	turnover_grows(&t, 3 * MIB, 101000);
	EXPECT(!t.is_fleeting, "more than twice as long as the last ones");
	shrink(&t, 0, 102000);
	EXPECT(t.is_fleeting, "gone again");

	t = (struct turnover){};
	turnover_grows(&t, 4 * MIB, 1000);
	shrink(&t, 0, 1001);
	turnover_grows(&t, MIB, 2000);
	turnover_grows(&t, MIB, 11000);
	EXPECT(t.is_fleeting, "ten seconds are not over");
	turnover_grows(&t, MIB, 12100);
	EXPECT(!t.is_fleeting, "longer than ten seconds");
}

/* Half a minute after another what was left of them goes, too. */
static void goes_by_and_by(void)
{
	struct turnover t = {};

	turnover_grows(&t, 64 * MIB, 1000001);
	EXPECT(shrink(&t, 16 * MIB, 1020001), "a quarter is left");
	EXPECT(shrink(&t, 4 * MIB, 1050001), "a sixteenth is left");
	EXPECT(shrink(&t, 0, 1080001), "nothing is left");
	EXPECT_EQ(20000, t.lasted_ms);
	turnover_grows(&t, MIB, 1100001);
	turnover_grows(&t, MIB, 1140001);
	EXPECT(t.is_fleeting, "twice as long as the last ones");
	turnover_grows(&t, MIB, 1140003);
	EXPECT(!t.is_fleeting, "more than twice as long as the last ones");
}

/* Milliseconds since the start wrap after 49 days. */
static void time_wraps(void)
{
	struct turnover t = {};
	u64 now = UINT32_MAX - 2000;

	turnover_grows(&t, 4 * MIB, now);
	EXPECT(shrink(&t, 0, now + 1000), "nothing is left");
	turnover_grows(&t, 4 * MIB, now + 1500);
	turnover_grows(&t, 4 * MIB, now + 9000);
	EXPECT(t.is_fleeting, "ten seconds are not over");
	turnover_grows(&t, 4 * MIB, now + 12000);
	EXPECT(!t.is_fleeting, "longer than ten seconds");
}

static const struct ktap_test tests[] = {
	{"stays_until_it_has_gone", stays_until_it_has_gone},
	{"waves", waves},
	{"little_does_not_matter", little_does_not_matter},
	{"comes_to_stay", comes_to_stay},
	{"goes_by_and_by", goes_by_and_by},
	{"time_wraps", time_wraps},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
