// SPDX-License-Identifier: MIT
/*
 * The paths on which a call can fail: every call of the module, faults, forks
 * with all that a child may be given, and the ways back.
 *
 * A step checks nothing and expects no call to work; who runs it checks what is
 * left afterwards.
 */
#include "nth_paths.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/io_uring.h>

#include "guest.h"
#include "ktap.h"

#define PAGE 4096

/* Bits of the parameter "fail": see kmod/failpoint.h. */
#define FAIL_POOL_AND_HUGE 3

void nth_fill(char *mem)
{
	int i;

	for (i = 0; i < NTH_NR; i++)
		mem[i * HUNK + PAGE] = 1 + i;
}

bool nth_is_intact(const char *mem)
{
	int i;

	for (i = 0; i < NTH_NR; i++)
		if (mem[i * HUNK + PAGE] != 1 + i)
			return false;
	return true;
}

static void touch(char *mem)
{
	nth_fill(mem);
}

/* Of each base page there is another to be read. */
static void touch_and_read(char *mem)
{
	int i;

	for (i = 0; i < 40; i += 3)
		mem[i * PAGE] = 1;
	for (i = 0; i < 40; i++)
		(void)*(volatile char *)(mem + i * PAGE);
}

static void open_and_map(char *mem)
{
	struct ashlar_event event;
	int fd = open(ASHLAR_DEVICE, O_RDWR);
	char *p;

	(void)mem;
	if (fd < 0)
		return;
	if (read(fd, &event, sizeof(event)) < 0)
		event.refill_epoch = 0;
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, ASHLAR_STATUS_OFFSET);
	if (p != MAP_FAILED)
		munmap(p, PAGE);
	p = mmap(NULL, HUNK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		munmap(p, HUNK);
	close(fd);
}

static void populate(char *mem)
{
	do_populate(mem, NTH_NR * HUNK, ASHLAR_POPULATE_ALL, NULL);
}

/* One hunk: its base pages fail one by one. */
static void populate_hunk(char *mem)
{
	do_populate(mem, HUNK, ASHLAR_POPULATE_ALL, NULL);
}

static void populate_kinds(char *mem)
{
	do_populate(mem, HUNK, ASHLAR_POPULATE_POOL, NULL);
	do_populate(mem + HUNK, HUNK, ASHLAR_POPULATE_HUGE, NULL);
	do_populate(mem + 2 * HUNK, HUNK, ASHLAR_POPULATE_NOMAP, NULL);
}

/* Without memory for its region the child gets SIGBUS. */
static void die_of_sigbus(int sig)
{
	_exit(sig);
}

static void fork_and_write(char *mem)
{
	pid_t pid = fork();

	if (!pid) {
		signal(SIGBUS, die_of_sigbus);
		nth_fill(mem);
		mem[0] = 9;
		_exit(0);
	}
	mem[0] = 1;
	mem[HUNK] = 2;
	if (pid > 0)
		wait_child(pid);
}

static void fork_and_write_huge(char *mem)
{
	do_cow(mem, ASHLAR_COW_HUGE);
	fork_and_write(mem);
}

/* Writes run on from page to page, until the whole hunk is copied. */
static void fork_and_run_on(char *mem)
{
	pid_t pid = fork();
	int i;

	if (!pid) {
		for (;;)
			pause();
	}
	if (pid < 0)
		return;
	for (i = 2; i < 100; i++)
		mem[i * PAGE] = 1;
	kill(pid, SIGKILL);
	wait_child(pid);
}

/* A grandchild is given an overlay that its parent shares with another. */
static void fork_of_fork(char *mem)
{
	pid_t pid = fork(), other;

	if (!pid) {
		signal(SIGBUS, die_of_sigbus);
		mem[0] = 7;
		other = fork();
		mem[3 * PAGE] = 8;
		if (!other)
			_exit(0);
		if (other > 0)
			waitpid(other, NULL, 0);
		_exit(0);
	}
	mem[0] = 1;
	fork_and_write(mem);
	if (pid > 0)
		wait_child(pid);
}

static int register_buffer(char *mem)
{
	struct io_uring_params params = {0};
	int ring = syscall(SYS_io_uring_setup, 4, &params);
	struct iovec vec = {mem, HUNK};

	if (ring >= 0 && syscall(SYS_io_uring_register, ring,
				 IORING_REGISTER_BUFFERS, &vec, 1)) {
		close(ring);
		return -1;
	}
	return ring;
}

static bool has_long_term_pins(void)
{
	char *p = map_region(HUNK);
	int ring;

	p[0] = 1;
	ring = register_buffer(p);
	if (ring >= 0)
		close(ring);
	munmap(p, HUNK);
	return ring >= 0;
}

/* What a device may write to is copied for the child at once. */
static void fork_of_pinned(char *mem)
{
	int ring = register_buffer(mem);

	fork_and_write(mem);
	if (ring >= 0)
		close(ring);
}

/* The way back may stop anywhere: nothing is expected of it. */
static void fork_and_fold(char *mem)
{
	struct ashlar_fold fold;

	fork_and_write(mem);
	do_fold(mem, NTH_NR * HUNK, &fold);
	do_remap(mem, NTH_NR * HUNK);
	do_unshare(mem, NTH_NR * HUNK, NULL);
	mem[PAGE * 2] = mem[HUNK + PAGE * 2] = 1;
}

static void break_and_collapse(char *mem)
{
	uint64_t bitmap[NTH_NR * 8] = {2 + 4, 0, 0, 0, 0, 0, 0, 0, 2,
				       0,     0, 0, 0, 0, 0, 0, 2};
	struct ashlar_break brk = {
		.size = sizeof(brk),
		.addr = (uintptr_t)mem,
		.len = NTH_NR * HUNK,
		.bitmap = (uintptr_t)bitmap,
	};
	struct ashlar_collapse collapse;

	do_ioctl(ASHLAR_IOC_BREAK, &brk);
	do_collapse(mem, NTH_NR * HUNK, ASHLAR_COLLAPSE_SPARSE, &collapse);
}

static void move(char *mem)
{
	struct ashlar_move arg = {
		.size = sizeof(arg),
		.addr = (uintptr_t)mem,
		.len = NTH_NR * HUNK,
		.node = 1,
	};

	do_ioctl(ASHLAR_IOC_MOVE, &arg);
	arg.node = 0;
	do_ioctl(ASHLAR_IOC_MOVE, &arg);
}

/* With base pages: these are moved and collapsed one by one. */
static void move_and_collapse_small(char *mem)
{
	struct ashlar_collapse collapse;

	mem[2 * HUNK] = mem[2 * HUNK + PAGE] = 3;
	move(mem);
	do_collapse(mem, NTH_NR * HUNK, ASHLAR_COLLAPSE_SPARSE, &collapse);
}

/* Discarded across a VMA that mprotect() split, then touched anew. */
static void discard_and_split(char *mem)
{
	mprotect(mem + PAGE * 3, PAGE, PROT_READ);
	do_discard(mem, NTH_NR * HUNK, NULL);
	mprotect(mem + PAGE * 3, PAGE, PROT_READ | PROT_WRITE);
	nth_fill(mem);
}

static void interleave(char *mem)
{
	uint64_t nodes[1] = {3};
	struct ashlar_policy policy = {
		.size = sizeof(policy),
		.flags = ASHLAR_POLICY_SET_NODE,
		.addr = (uintptr_t)mem,
		.node_mode = ASHLAR_NODE_INTERLEAVE,
		.nodemask = (uintptr_t)nodes,
		.nodemask_bits = 2,
	};

	do_ioctl(ASHLAR_IOC_POLICY, &policy);
	nth_fill(mem);
}

/* Weights are memory of their own, and a child has its own copy. */
static void weigh_and_fork(char *mem)
{
	uint64_t nodes[1] = {3};
	uint8_t weights[2] = {1, 2};
	struct ashlar_policy policy = {
		.size = sizeof(policy),
		.flags = ASHLAR_POLICY_SET_NODE,
		.addr = (uintptr_t)mem,
		.node_mode = ASHLAR_NODE_WEIGHTED,
		.nodemask = (uintptr_t)nodes,
		.nodemask_bits = 2,
		.weights = (uintptr_t)weights,
	};

	do_ioctl(ASHLAR_IOC_POLICY, &policy);
	fork_and_write(mem);
}

/* Calls that only report. */
static void look(char *mem)
{
	struct ashlar_hunk hunks[NTH_NR];
	struct ashlar_hint hint[NTH_NR];
	struct ashlar_hints hints = {
		.size = sizeof(hints),
		.addr = (uintptr_t)mem,
		.len = NTH_NR * HUNK,
		.hints = (uintptr_t)hint,
		.nr = NTH_NR,
		.hint_size = sizeof(*hint),
	};
	struct ashlar_stats stats = {.size = sizeof(stats)};
	struct ashlar_quota quota = {.size = sizeof(quota)};
	struct ashlar_info info;

	do_info(&info);
	do_query(mem, NTH_NR, hunks);
	do_ioctl(ASHLAR_IOC_HINTS, &hints);
	do_ioctl(ASHLAR_IOC_STATS, &stats);
	do_ioctl(ASHLAR_IOC_QUOTA, &quota);
}

const struct nth_path nth_paths[] = {
	{.name = "touch", .step = touch},
	{.name = "touch_without_huge_pages",
	 .step = touch,
	 .fail = FAIL_POOL_AND_HUGE},
	{.name = "read_around",
	 .step = touch_and_read,
	 .fail = FAIL_POOL_AND_HUGE},
	{.name = "open_and_map", .step = open_and_map},
	{.name = "populate", .step = populate},
	{.name = "populate_without_huge_pages",
	 .step = populate_hunk,
	 .fail = FAIL_POOL_AND_HUGE},
	{.name = "populate_kinds", .step = populate_kinds},
	{.name = "fork_and_write", .step = fork_and_write, .is_filled = true},
	{.name = "fork_and_write_huge",
	 .step = fork_and_write_huge,
	 .is_filled = true},
	{.name = "fork_and_run_on", .step = fork_and_run_on, .is_filled = true},
	{.name = "fork_of_fork", .step = fork_of_fork, .is_filled = true},
	{.name = "fork_of_pinned",
	 .step = fork_of_pinned,
	 .is_filled = true,
	 .has = has_long_term_pins},
	{.name = "fork_and_fold", .step = fork_and_fold, .is_filled = true},
	{.name = "break_and_collapse",
	 .step = break_and_collapse,
	 .is_filled = true},
	{.name = "move", .step = move, .is_filled = true},
	{.name = "move_and_collapse_small",
	 .step = move_and_collapse_small,
	 .fail = FAIL_POOL_AND_HUGE},
	{.name = "discard_and_split",
	 .step = discard_and_split,
	 .is_filled = true},
	{.name = "interleave", .step = interleave},
	{.name = "weigh_and_fork", .step = weigh_and_fork, .is_filled = true},
	{.name = "look", .step = look, .is_filled = true},
	{.name = NULL},
};

const struct nth_path *nth_path_find(const char *name)
{
	const struct nth_path *path = nth_paths;

	while (strcmp(path->name, name))
		path++;
	return path;
}

const struct ktap_test *nth_tests(void (*run)(void),
				  const struct ktap_test *more)
{
	static struct ktap_test
		tests[sizeof(nth_paths) / sizeof(*nth_paths) + 8];
	const struct nth_path *path;
	int nr = 0;

	for (path = nth_paths; path->name; path++)
		tests[nr++] = (struct ktap_test){path->name, run};
	for (; more && more->name; more++)
		tests[nr++] = *more;
	return tests;
}
