// SPDX-License-Identifier: MIT
/*
 * The kernel's own call n fails, for every n on every path: allocations from
 * slabs, of pages, copies from and to the caller (/proc/thread-self/fail-nth).
 * So each error of the core that the module calls is met, not only those that
 * the module itself has fail points for.
 *
 * Needs a kernel with fault injection: the debug kernel.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "guest.h"
#include "ktap.h"
#include "nth_paths.h"

#define MAX_STEPS 8000
/* Beyond these, one in so many: of loops over base pages all are alike. */
#define NR_EACH 400
#define STRIDE 41

#define FAIL_NTH "/proc/thread-self/fail-nth"
#define INJECT "/sys/kernel/debug/"

static int fail_nth = -1;

/* All allocations count, those that may sleep too; none is logged. */
static void prepare(void)
{
	write_file(INJECT "failslab/ignore-gfp-wait", "N");
	write_file(INJECT "fail_page_alloc/ignore-gfp-wait", "N");
	write_file(INJECT "fail_page_alloc/ignore-gfp-highmem", "N");
	write_file(INJECT "fail_page_alloc/min-order", "0");
	write_file(INJECT "failslab/verbose", "0");
	write_file(INJECT "fail_page_alloc/verbose", "0");
	write_file(INJECT "fail_usercopy/verbose", "0");
	fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
}

static void arm(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	if (pwrite(fail_nth, text, len, 0) != len)
		EXPECT(0, "arming: %m");
}

/* Return: whether the path ended before its turn came. */
static bool disarm(void)
{
	char text[16] = "";
	/* These calls count too. If one fails, the path's have not. */
	bool is_over = pread(fail_nth, text, sizeof(text) - 1, 0) < 0 ||
		       text[0] != '0';

	while (pwrite(fail_nth, "0", 1, 0) != 1)
		;
	return is_over;
}

static void sweep(const struct nth_path *path)
{
	bool is_over = false;
	char *mem;
	int n;

	for (n = 1; n < MAX_STEPS; n += n < NR_EACH ? 1 : STRIDE) {
		mem = map_region(NTH_NR * HUNK);
		if (path->is_filled)
			nth_fill(mem);
		arm(n);
		path->step(mem);
		is_over = disarm();
		if (path->is_filled)
			EXPECT(nth_is_intact(mem), "contents lost at call %d",
			       n);
		munmap(mem, NTH_NR * HUNK);
		if (is_over)
			break;
	}
	printf("# %s: %d calls\n", path->name, n - 1);
	EXPECT(is_over, "%d calls and no end", n);
	EXPECT(n > 1, "not a single call that can fail");
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

/* Of what loading the module allocates; the loader itself is left alone. */
static void load(void)
{
	bool is_over = false;
	char args[32];
	int n, err;

	close(dev);
	EXPECT_EQ(0, module_unload());
	for (n = 1; n < MAX_STEPS && !is_over; n++) {
		snprintf(args, sizeof(args), "load_nth=%d", n);
		err = module_load("-test", args);
		EXPECT(err || !access(ASHLAR_SYSFS, F_OK),
		       "half loaded at call %d", n);
		EXPECT(!err || access(ASHLAR_SYSFS, F_OK),
		       "half unloaded at call %d: %s", n, strerror(-err));
		/* Some are done without: debugfs, a thread's CPUs. */
		is_over = !err && get_param("load_nth") > 0;
		if (!err && !is_over)
			EXPECT_EQ(0, module_unload());
	}
	printf("# load: %d calls\n", n - 2);
	EXPECT(n > 20, "only %d calls", n);
	dev_open();
}

static void no_injection(void)
{
	ktap_skip("no " FAIL_NTH ": needs the debug kernel");
}

static const struct ktap_test none[] = {
	{"nth_kernel", no_injection},
	{NULL, NULL},
};

static const struct ktap_test more[] = {
	{"load", load},
	{NULL, NULL},
};

/*
 * A copy to or from glibc's rseq area that fails is the end of a process, on
 * the kernel's way back from any interruption: do without the area.
 */
static void leave_rseq(char **argv)
{
	static const char without[] = "glibc.pthread.rseq=0";
	const char *has = getenv("GLIBC_TUNABLES");

	if (has && !strcmp(has, without))
		return;
	setenv("GLIBC_TUNABLES", without, 1);
	execv("/proc/self/exe", argv);
	perror("execv");
	exit(4);
}

int main(int argc, char **argv)
{
	leave_rseq(argv);
	if (access(FAIL_NTH, W_OK))
		return ktap_main(none, argc, argv);
	prepare();
	return with_test_build(ktap_main, nth_tests(walk, more), argc, argv);
}
