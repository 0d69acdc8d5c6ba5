// SPDX-License-Identifier: MIT
/*
 * refold.c - rounds after a fork go on while something is shared, and while
 * something is left, but not for ever; another fork begins anew.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>

#include "backend/backend.h"
#include "hpheap/hpage.h"
#include "hpheap/refold.h"
#include "hpheap/space.h"

enum { NR = 4, MANY = 1000 };

struct space space;
static struct hpage hpages[NR + 1];
static int answer;
static unsigned int nr_calls;

static int fake_refold(void *addr, size_t len)
{
	EXPECT_EQ(HPAGE_SIZE, (size_t)addr);
	EXPECT_EQ(NR * HPAGE_SIZE, len);
	nr_calls++;
	return answer;
}

static const struct backend_ops ops = {.refold = fake_refold};

const struct backend_ops *backend_get(enum backend_id id)
{
	(void)id;
	return &ops;
}

size_t space_first_hpage(void)
{
	return 1;
}

size_t space_end_hpage(void)
{
	return NR + 1;
}

/* Rounds until none is pending. */
static unsigned int rounds(int err)
{
	unsigned int nr = 0;

	answer = err;
	while (refold_is_pending() && nr < MANY) {
		refold_run();
		nr++;
	}
	return nr;
}

static void until_nothing_is_left(void)
{
	unsigned int most;

	space.hpages = hpages;
	for (unsigned int i = 1; i <= NR; i++)
		hpage_init(&hpages[i], 0, BK_DEV);
	EXPECT_EQ(0, rounds(0)); /* no fork yet */
	refold_request();
	EXPECT_EQ(MANY, rounds(-EBUSY));
	most = rounds(-EAGAIN);
	EXPECT(most > 10 && most < MANY, "%u rounds", most);
	refold_request();
	EXPECT_EQ(most, rounds(-EAGAIN));
	refold_request();
	answer = -EAGAIN;
	refold_run();
	EXPECT(refold_is_pending(), "given up at once");
	EXPECT_EQ(1, rounds(0));
	refold_request();
	EXPECT_EQ(1, rounds(-EOPNOTSUPP));
	refold_request();
	refold_cancel();
	EXPECT_EQ(0, rounds(-EBUSY));
	EXPECT_EQ(MANY + 2 * most + 3, nr_calls);
}

static const struct ktap_test tests[] = {
	{"until_nothing_is_left", until_nothing_is_left},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
