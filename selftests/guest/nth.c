// SPDX-License-Identifier: MIT
/*
 * Call n fails, for every n on every path: allocations of huge pages, base
 * pages, page tables and metadata, charges, files, parts of the module as it is
 * loaded. Whatever fails, nothing is lost, nothing leaks, and what was there
 * before keeps its contents.
 *
 * Uses the fail points of the module's test build. Those of the kernel itself
 * are nth_kernel.c's.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "guest.h"
#include "ktap.h"
#include "nth_paths.h"

/* More steps than any path has: reached only if a path never ends. */
#define MAX_STEPS 4000

static void sweep(const struct nth_path *path)
{
	bool is_over = false;
	char *mem;
	int n;

	for (n = 1; n < MAX_STEPS && !is_over; n++) {
		mem = map_region(NTH_NR * HUNK);
		if (path->is_filled)
			nth_fill(mem);
		set_param("nth", n);
		path->step(mem);
		is_over = get_param("nth") > 0;
		set_param("nth", 0);
		if (path->is_filled)
			EXPECT(nth_is_intact(mem), "contents lost at step %d",
			       n);
		munmap(mem, NTH_NR * HUNK);
	}
	printf("# %s: %d calls\n", path->name, n - 2);
	EXPECT(is_over, "%d steps and no end", n);
	/* Those that only report take nothing that could fail. */
	EXPECT(n > 2 || !strcmp(path->name, "look"),
	       "not a single step that can fail");
}

static void walk(void)
{
	const struct nth_path *path = nth_path_find(ktap_running);

	if (path->has && !path->has()) {
		ktap_skip("this kernel has no such path");
		return;
	}
	set_param("fail", path->fail);
	sweep(path);
	set_param("fail", 0);
	EXPECT(wait_for(balanced, NULL, 10000),
	       "mapped %lld parked %lld small %lld regions %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       stat_now("regions"), read_number(ASHLAR_SYSFS "imbalance"));
}

/* Each part of the module in turn does not start: nothing of it stays. */
static void load(void)
{
	char args[32];
	int n, err;

	close(dev);
	EXPECT_EQ(0, module_unload());
	for (n = 1; n < MAX_STEPS; n++) {
		snprintf(args, sizeof(args), "nth=%d", n);
		err = module_load("-test", args);
		if (!err)
			break;
		EXPECT_EQ(-ENOMEM, err);
		EXPECT(access(ASHLAR_SYSFS, F_OK), "half loaded at step %d", n);
	}
	printf("# load: %d parts\n", n - 1);
	EXPECT(n > 5, "only %d steps", n);
	EXPECT_EQ(0, err);
	set_param("nth", 0);
	dev_open();
}

static const struct ktap_test more[] = {
	{"load", load},
	{NULL, NULL},
};

int main(int argc, char **argv)
{
	return with_test_build(ktap_main, nth_tests(walk, more), argc, argv);
}
