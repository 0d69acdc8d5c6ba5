// SPDX-License-Identifier: MIT
/*
 * limit.c - the count of what is held against the limits: options in bytes, the
 * hard limit from many threads at once, the soft one passed and left.
 */
#include "ktap.h"
#include "testlib.h"

#include <pthread.h>
#include <stdatomic.h>

#include "hpheap/limit.h"
#include "hpheap/space.h"
#include "os/cgroup.h"
#include "os/sys.h"
#include "rt/conf.h"

#define MIB ((size_t)1 << 20)

static void start(long soft, long hard)
{
	conf.soft_limit = soft;
	conf.hard_limit = hard;
	limit_init();
}

static void no_limits(void)
{
	start(0, 0);
	EXPECT(!limit_has_hard(), "there is one");
	EXPECT(limit_charge(MIB << 20), "refused");
	EXPECT(!limit_is_pressed(), "pressed");
	limit_settle(-(long)(MIB << 20));
}

static void hard_is_exact(void)
{
	size_t room;

	start(0, 64 * MIB);
	room = 64 * MIB - limit_held();
	EXPECT(limit_has_room(room) && !limit_has_room(room + 1), "%zu", room);
	EXPECT(!limit_charge(room + 1), "one byte too many");
	EXPECT(limit_charge(room), "refused the last byte");
	EXPECT(!limit_charge(1), "one more");
	EXPECT_EQ(64 * MIB, limit_held());
	limit_settle(-(long)room);
	EXPECT(limit_charge(room), "refused what was given back");
	limit_settle(-(long)room);
	EXPECT(limit.peak >= 64 * MIB, "peak %zu", (size_t)limit.peak);
}

/* Passing the soft limit once is one round; being above it is no other. */
static void soft_rounds(void)
{
	u32 round = limit_round();

	start(16 * MIB, 0);
	limit_settle(8 * MIB);
	EXPECT(!limit_is_pressed() && limit_round() == round, "too early");
	limit_settle(16 * MIB);
	EXPECT(limit_is_pressed(), "not pressed");
	EXPECT_EQ(round + 1, limit_round());
	limit_settle(16 * MIB);
	EXPECT_EQ(round + 1, limit_round());
	EXPECT_EQ(1, limit.nr_soft);
	limit_settle(-(long)(40 * MIB));
	EXPECT(!limit_is_pressed(), "pressed below");
}

static void pressure(void)
{
	start(0, 0);
	limit_set_pressure(true);
	EXPECT(limit_is_pressed(), "not pressed");
	limit_set_pressure(false);
	EXPECT(!limit_is_pressed(), "pressed");
}

static atomic_size_t nr_had;

static void *race(void *arg)
{
	struct rng rng = {(uintptr_t)arg};
	size_t mine = 0;
	int i;

	for (i = 0; i < 100000; i++) {
		size_t len = 4096 * (1 + rng_below(&rng, 512));

		if (limit_charge(len)) {
			mine += len;
			nr_had++;
		} else if (mine) {
			limit_settle(-(long)mine);
			mine = 0;
		}
		if (limit_held() > 32 * MIB)
			return arg;
	}
	limit_settle(-(long)mine);
	return NULL;
}

static void threads_race(void)
{
	size_t before = limit_held();
	pthread_t threads[4];
	uintptr_t i;
	void *ret;

	start(0, 32 * MIB);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, pthread_create(&threads[i], NULL, race,
					    (void *)(i + 1)));
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &ret);
		EXPECT(!ret, "thread %d saw more held", (int)i);
	}
	EXPECT(nr_had > 1000, "%zu charges", (size_t)nr_had);
	EXPECT_EQ(before, limit_held());
}

/* Of the machine's memory, or of less where a cgroup says so. */
static void percent(void)
{
	start(-50, -100);
	EXPECT(limit.hard <= os_memory_total() &&
		       limit.soft <= limit.hard / 2 + 100 &&
		       limit.soft > MIB,
	       "soft %zu, hard %zu", (size_t)limit.soft, (size_t)limit.hard);
	start(0, 0);
}

static char root[] = "/tmp/ashlar-limit-XXXXXX";

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	f = fopen(full, "w");
	if (!EXPECT(f, "%s", full))
		return;
	fputs(text, f);
	fclose(f);
}

/* The cgroup's limit changes while the process runs. */
static void percent_follows(void)
{
	char cmd[128];

	EXPECT(mkdtemp(root), "no directory");
	snprintf(cmd, sizeof(cmd), "cd %s && mkdir -p proc/self cg/a", root);
	EXPECT(!system(cmd), "%s", cmd);
	put("/proc/self/cgroup", "0::/a\n");
	put("/proc/self/mountinfo", "30 1 0:26 / /cg rw - cgroup2 c rw\n");
	put("/cg/cgroup.controllers", "memory\n");
	put("/cg/a/memory.max", "104857600\n");
	start(-50, 0);
	limit_follow(root);
	EXPECT(limit.soft <= 50 * MIB && limit.soft > 49 * MIB, "%zu",
	       (size_t)limit.soft);
	EXPECT(!limit_has_hard(), "there is a hard one");
	limit_settle(30 * MIB);
	EXPECT(!limit_is_pressed(), "too early");
	put("/cg/a/memory.max", "41943040\n");
	limit_follow(root);
	EXPECT(limit_is_pressed(), "not pressed at 30 of 20 MiB");
	put("/cg/a/memory.max", "104857600\n");
	limit_follow(root);
	EXPECT(!limit_is_pressed(), "still pressed at 30 of 50 MiB");
	limit_settle(-30 * (long)MIB);
	/* A limit in bytes is what it is. */
	start(0, 64 * MIB);
	limit_follow(root);
	EXPECT_EQ(64 * MIB, limit.hard);
	start(0, 0);
	snprintf(cmd, sizeof(cmd), "rm -r %s", root);
	EXPECT(!system(cmd), "%s", cmd);
}

static const struct ktap_test tests[] = {
	{"no_limits", no_limits},
	{"hard_is_exact", hard_is_exact},
	{"soft_rounds", soft_rounds},
	{"pressure", pressure},
	{"threads_race", threads_race},
	{"percent", percent},
	{"percent_follows", percent_follows},
	{},
};

int main(int argc, char **argv)
{
	os_init();
	if (space_init((size_t)1 << 30))
		return 1;
	return ktap_main(tests, argc, argv);
}
