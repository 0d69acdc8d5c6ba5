// SPDX-License-Identifier: MIT
/*
 * Call n fails, for every n on every path: allocations of huge pages, base
 * pages and metadata, charges, files. Whatever fails, nothing is lost, nothing
 * leaks, and what was there before keeps its contents.
 *
 * Uses the fail points of the module's test build. Those of the kernel itself
 * (failslab) need the debug kernel.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "guest.h"
#include "ktap.h"

#define NR 3
#define PAGE 4096

/* More steps than any path has: reached only if a path never ends. */
#define MAX_STEPS 4000

static char *mem;

static void fill(void)
{
	int i;

	for (i = 0; i < NR; i++)
		mem[i * HUNK + PAGE] = 1 + i;
}

static bool is_intact(void)
{
	int i;

	for (i = 0; i < NR; i++)
		if (mem[i * HUNK + PAGE] != 1 + i)
			return false;
	return true;
}

/* Runs the step with the n-th failure, for all n; @made is what it works on. */
static void sweep(void (*step)(void), bool is_prepared)
{
	int n, stride = 1;

	for (n = 1; n < MAX_STEPS; n += stride) {
		mem = map_region(NR * HUNK);
		if (is_prepared)
			fill();
		set_param("nth", n);
		step();
		bool is_over = get_param("nth") > 0;

		set_param("nth", 0);
		if (is_prepared)
			EXPECT(is_intact(), "contents lost at step %d", n);
		munmap(mem, NR * HUNK);
		if (is_over)
			break;
		/* Loops over base pages are all alike. */
		stride = n < 64 ? 1 : 97;
	}
	EXPECT(n < MAX_STEPS, "%d steps and no end", n);
	EXPECT(n > 1, "not a single step that can fail");
	EXPECT(wait_for(balanced, NULL, 10000),
	       "mapped %lld parked %lld small %lld regions %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       stat_now("regions"), read_number(ASHLAR_SYSFS "imbalance"));
}

static void step_touch(void)
{
	fill();
}

static void step_open_and_map(void)
{
	int fd = open(ASHLAR_DEVICE, O_RDWR);
	char *p;

	if (fd < 0)
		return;
	p = mmap(NULL, HUNK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		munmap(p, HUNK);
	close(fd);
}

static void step_populate(void)
{
	do_populate(mem, NR * HUNK, ASHLAR_POPULATE_ALL, NULL);
}

static void step_fork(void)
{
	pid_t pid = fork();

	if (!pid) {
		/* Without memory for its region the child gets SIGBUS. */
		signal(SIGBUS, _exit);
		fill();
		mem[0] = 9;
		_exit(0);
	}
	mem[0] = 1;
	mem[HUNK] = 2;
	wait_child(pid);
}

static void step_fork_huge(void)
{
	do_cow(mem, ASHLAR_COW_HUGE);
	step_fork();
}

static void step_break_and_collapse(void)
{
	uint64_t bitmap[NR * 8] = { 2 + 4, 0, 0, 0, 0, 0, 0, 0, 2,
				    0, 0, 0, 0, 0, 0, 0, 2 };
	struct ashlar_break brk = {
		.size = sizeof(brk), .addr = (uintptr_t)mem, .len = NR * HUNK,
		.bitmap = (uintptr_t)bitmap,
	};
	struct ashlar_collapse collapse;

	do_ioctl(ASHLAR_IOC_BREAK, &brk);
	do_collapse(mem, NR * HUNK, ASHLAR_COLLAPSE_SPARSE, &collapse);
}

static void step_move(void)
{
	struct ashlar_move move = {
		.size = sizeof(move), .addr = (uintptr_t)mem,
		.len = NR * HUNK, .node = 1,
	};

	do_ioctl(ASHLAR_IOC_MOVE, &move);
	move.node = 0;
	do_ioctl(ASHLAR_IOC_MOVE, &move);
}

/* Discarded across a VMA that mprotect() split, then touched anew. */
static void step_discard_and_split(void)
{
	mprotect(mem + PAGE * 3, PAGE, PROT_READ);
	do_discard(mem, NR * HUNK, NULL);
	mprotect(mem + PAGE * 3, PAGE, PROT_READ | PROT_WRITE);
	fill();
}

/* Fork, copy, and all of the way back, whatever of it could be done. */
static void step_fork_and_fold(void)
{
	struct ashlar_fold fold;

	step_fork();
	do_fold(mem, NR * HUNK, &fold);
	do_remap(mem, NR * HUNK);
	do_unshare(mem, NR * HUNK, NULL);
	mem[PAGE * 2] = mem[HUNK + PAGE * 2] = 1;
}

/* With base pages: these are moved and collapsed one by one. */
static void step_move_and_collapse_small(void)
{
	struct ashlar_collapse collapse;

	set_param("fail", 3);
	mem[2 * HUNK] = mem[2 * HUNK + PAGE] = 3;
	set_param("fail", 0);
	step_move();
	do_collapse(mem, NR * HUNK, ASHLAR_COLLAPSE_SPARSE, &collapse);
}

static void step_populate_kinds(void)
{
	do_populate(mem, HUNK, ASHLAR_POPULATE_POOL, NULL);
	do_populate(mem + HUNK, HUNK, ASHLAR_POPULATE_HUGE, NULL);
	do_populate(mem + 2 * HUNK, HUNK, ASHLAR_POPULATE_NOMAP, NULL);
}

static void step_interleave(void)
{
	uint64_t nodes[1] = { 3 };
	struct ashlar_policy policy = {
		.size = sizeof(policy), .flags = ASHLAR_POLICY_SET_NODE,
		.addr = (uintptr_t)mem, .node_mode = ASHLAR_NODE_INTERLEAVE,
		.nodemask = (uintptr_t)nodes, .nodemask_bits = 2,
	};

	do_ioctl(ASHLAR_IOC_POLICY, &policy);
	fill();
}

static void touch(void)
{
	sweep(step_touch, false);
}

static void touch_without_huge_pages(void)
{
	set_param("fail", 3);
	sweep(step_touch, false);
	set_param("fail", 0);
}

static void open_and_map(void)
{
	sweep(step_open_and_map, false);
}

static void populate(void)
{
	sweep(step_populate, false);
}

static void populate_without_huge_pages(void)
{
	set_param("fail", 3);
	sweep(step_populate, false);
	set_param("fail", 0);
}

static void fork_and_write(void)
{
	sweep(step_fork, true);
}

static void fork_and_write_huge(void)
{
	sweep(step_fork_huge, true);
}

static void break_and_collapse(void)
{
	sweep(step_break_and_collapse, true);
}

static void move(void)
{
	sweep(step_move, true);
}

static void discard_and_split(void)
{
	sweep(step_discard_and_split, true);
}

static void fork_and_fold(void)
{
	sweep(step_fork_and_fold, true);
}

static void move_and_collapse_small(void)
{
	sweep(step_move_and_collapse_small, false);
}

static void populate_kinds(void)
{
	sweep(step_populate_kinds, false);
}

static void interleave(void)
{
	sweep(step_interleave, false);
}

static const struct ktap_test tests[] = {
	{ "touch", touch },
	{ "touch_without_huge_pages", touch_without_huge_pages },
	{ "open_and_map", open_and_map },
	{ "populate", populate },
	{ "populate_without_huge_pages", populate_without_huge_pages },
	{ "fork_and_write", fork_and_write },
	{ "fork_and_write_huge", fork_and_write_huge },
	{ "break_and_collapse", break_and_collapse },
	{ "move", move },
	{ "discard_and_split", discard_and_split },
	{ "fork_and_fold", fork_and_fold },
	{ "move_and_collapse_small", move_and_collapse_small },
	{ "populate_kinds", populate_kinds },
	{ "interleave", interleave },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return with_test_build(ktap_main, tests, argc, argv);
}
