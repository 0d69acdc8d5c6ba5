// SPDX-License-Identifier: MIT
/*
 * A region's own placement policy, and moving memory between nodes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "guest.h"
#include "ktap.h"

#define NR 12

static int set_nodes(void *addr, enum ashlar_node mode, uint64_t mask,
		     uint8_t *weights)
{
	struct ashlar_policy arg = {
		.size = sizeof(arg), .flags = ASHLAR_POLICY_SET_NODE,
		.addr = (uintptr_t)addr, .node_mode = mode,
		.nodemask = (uintptr_t)&mask, .nodemask_bits = 64,
		.weights = (uintptr_t)weights,
	};
	int err = do_ioctl(ASHLAR_IOC_POLICY, &arg);

	if (!err)
		EXPECT_EQ(mode, arg.ret_node_mode);
	return err;
}

static char *touched(enum ashlar_node mode, uint64_t mask, uint8_t *weights,
		     int nr[2])
{
	char *p = map_region(NR * HUNK);
	int i;

	wait_pools(NR);
	if (mode != ASHLAR_NODE_TASK)
		EXPECT_EQ(0, set_nodes(p, mode, mask, weights));
	nr[0] = nr[1] = 0;
	for (i = 0; i < NR; i++) {
		p[i * HUNK] = i + 1;
		nr[node_of(p + i * HUNK) & 1]++;
	}
	return p;
}

static void strict(void)
{
	int nr[2];
	char *p;

	pin_cpu(0);
	p = touched(ASHLAR_NODE_STRICT, 2, NULL, nr);
	EXPECT_EQ(NR, nr[1]);
	munmap(p, NR * HUNK);
	unpin();
}

/* More than the node has: the call fails, and nothing comes from elsewhere. */
static void strict_fails_cleanly(void)
{
	long long remote = stat_now("remote");
	size_t len = 4096UL << 20, i;
	uint64_t done;
	char *p;

	p = map_region(len);
	EXPECT_EQ(0, set_nodes(p, ASHLAR_NODE_STRICT, 2, NULL));
	EXPECT_EQ(-ENOMEM, do_populate(p, len, ASHLAR_POPULATE_HUGE |
				       ASHLAR_POPULATE_NOMAP, &done));
	EXPECT(done > 10, "only %llu hunks", (unsigned long long)done);
	EXPECT_EQ(remote, stat_now("remote"));
	for (i = 0; i < done; i += done / 8 + 1) {
		struct ashlar_hunk hunk;

		EXPECT_EQ(0, do_query(p + i * HUNK, 1, &hunk));
		EXPECT_EQ(1, hunk.node);
	}
	munmap(p, len);
}

static void preferred(void)
{
	int nr[2];
	char *p;

	pin_cpu(0);
	p = touched(ASHLAR_NODE_PREFERRED, 2, NULL, nr);
	EXPECT_EQ(NR, nr[1]);
	munmap(p, NR * HUNK);
	unpin();
}

static void interleave(void)
{
	int nr[2];
	char *p = touched(ASHLAR_NODE_INTERLEAVE, 3, NULL, nr);

	EXPECT_EQ(NR / 2, nr[0]);
	EXPECT_EQ(NR / 2, nr[1]);
	munmap(p, NR * HUNK);
}

static void weighted(void)
{
	uint8_t weights[64] = { 1, 2 };
	int nr[2];
	char *p = touched(ASHLAR_NODE_WEIGHTED, 3, weights, nr);

	EXPECT_EQ(NR / 3, nr[0]);
	EXPECT_EQ(NR * 2 / 3, nr[1]);
	weights[1] = 0;
	EXPECT_EQ(-EINVAL, set_nodes(p, ASHLAR_NODE_WEIGHTED, 3, weights));
	munmap(p, NR * HUNK);
}

/* Policies of the kernel's own: no wrapper without libnuma. */
static long mbind_to(void *addr, size_t len, int mode, unsigned long mask)
{
	return syscall(SYS_mbind, addr, len, mode, &mask, 64UL, 0U);
}

static long set_mempolicy_to(int mode, unsigned long mask)
{
	return syscall(SYS_set_mempolicy, mode, &mask, 64UL);
}

static int policy_at(void *addr)
{
	int mode = -1;

	EXPECT_EQ(0, syscall(SYS_get_mempolicy, &mode, NULL, 0UL, addr,
			     MPOL_F_ADDR));
	return mode;
}

static void count_nodes(char *p, int nr[2])
{
	int i;

	nr[0] = nr[1] = 0;
	for (i = 0; i < NR; i++) {
		p[i * HUNK] = 1;
		nr[node_of(p + i * HUNK) & 1]++;
	}
}

/* It is honoured, and told to who asks. */
static void mbind_is_honoured(void)
{
	char *p = map_region(NR * HUNK);
	int nr[2];

	wait_pools(NR);
	pin_cpu(0);
	EXPECT_EQ(0, mbind_to(p, NR * HUNK, MPOL_BIND, 2));
	count_nodes(p, nr);
	EXPECT_EQ(NR, nr[1]);
	EXPECT_EQ(MPOL_BIND, policy_at(p));
	EXPECT_EQ(1, node_of(p));
	EXPECT_EQ(0, do_discard(p, NR * HUNK, NULL));
	EXPECT_EQ(0, mbind_to(p, NR * HUNK, MPOL_INTERLEAVE, 3));
	count_nodes(p, nr);
	EXPECT_EQ(NR / 2, nr[1]);
	EXPECT_EQ(MPOL_INTERLEAVE, policy_at(p));
	EXPECT_EQ(0, mbind_to(p, NR * HUNK, MPOL_DEFAULT, 0));
	EXPECT_EQ(0, do_discard(p, NR * HUNK, NULL));
	count_nodes(p, nr);
	EXPECT_EQ(NR, nr[0]);
	munmap(p, NR * HUNK);
	unpin();
}

static void task_policy_is_honoured(void)
{
	char *p = map_region(NR * HUNK);
	int nr[2];

	wait_pools(NR);
	pin_cpu(0);
	EXPECT_EQ(0, set_mempolicy_to(MPOL_BIND, 2));
	count_nodes(p, nr);
	EXPECT_EQ(NR, nr[1]);
	EXPECT_EQ(0, do_discard(p, NR * HUNK, NULL));
	EXPECT_EQ(0, set_mempolicy_to(MPOL_PREFERRED, 2));
	EXPECT_EQ(0, do_populate(p, NR * HUNK, 0, NULL));
	count_nodes(p, nr);
	EXPECT_EQ(NR, nr[1]);
	EXPECT_EQ(0, set_mempolicy_to(MPOL_DEFAULT, 0));
	munmap(p, NR * HUNK);
	unpin();
}

static int move(void *addr, size_t nr, int node, int32_t *status,
		struct ashlar_move *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = sizeof(*ret);
	ret->addr = (uintptr_t)addr;
	ret->len = nr * HUNK;
	ret->node = node;
	ret->status = (uintptr_t)status;
	return do_ioctl(ASHLAR_IOC_MOVE, ret);
}

static void moved(void)
{
	struct ashlar_move ret;
	int32_t status[NR];
	int nr[2], i;
	char *p;

	pin_cpu(0);
	p = touched(ASHLAR_NODE_TASK, 0, NULL, nr);
	EXPECT_EQ(0, do_discard(p + HUNK, HUNK, NULL));
	EXPECT_EQ(0, move(p, NR, 1, status, &ret));
	EXPECT_EQ(NR - 1, (long)ret.ret_moved);
	EXPECT_EQ(0, (long)ret.ret_failed);
	EXPECT_EQ(1, status[0]);
	EXPECT_EQ(-ENOENT, status[1]);
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(i == 1 ? 0 : i + 1, p[i * HUNK]);
		if (i != 1)
			EXPECT_EQ(1, node_of(p + i * HUNK));
	}
	EXPECT_EQ(-ENODEV, move(p, NR, 63, NULL, &ret));
	munmap(p, NR * HUNK);
	unpin();
}

/* A page in a pipe is pinned: that hunk stays, with the reason. */
static void move_refuses_pinned(void)
{
	struct ashlar_move ret;
	int32_t status[2];
	int fds[2];
	char *p;

	pin_cpu(0);
	wait_pools(4);
	p = map_region(2 * HUNK);
	p[0] = p[HUNK] = 7;
	EXPECT_EQ(0, pipe(fds));
	struct iovec vec = { p, 4096 };

	EXPECT_EQ(4096, (long)vmsplice(fds[1], &vec, 1, 0));
	EXPECT_EQ(0, move(p, 2, 1, status, &ret));
	EXPECT_EQ(-EBUSY, status[0]);
	EXPECT_EQ(1, status[1]);
	EXPECT_EQ(1, (long)ret.ret_failed);
	EXPECT_EQ(7, p[0]);
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(0, move(p, 1, 1, status, &ret));
	EXPECT_EQ(1, status[0]);
	EXPECT_EQ(7, p[0]);
	munmap(p, 2 * HUNK);
	unpin();
}

/* Of a hunk of base pages all move but the one that is pinned. */
static void move_leaves_pinned_page(void)
{
	uint64_t bitmap[8] = { 0xf };
	int32_t status;
	struct ashlar_break brk = {
		.size = sizeof(brk), .len = HUNK,
		.bitmap = (uintptr_t)bitmap,
	};
	struct ashlar_move ret;
	int fds[2], i;
	char *p;

	pin_cpu(0);
	p = map_region(HUNK);
	for (i = 0; i < 4; i++)
		p[i * 4096] = (char)(i + 1);
	brk.addr = (uintptr_t)p;
	EXPECT_EQ(0, do_ioctl(ASHLAR_IOC_BREAK, &brk));
	EXPECT_EQ(0, pipe(fds));
	struct iovec vec = { p + 4096, 4096 };

	EXPECT_EQ(4096, (long)vmsplice(fds[1], &vec, 1, 0));
	EXPECT_EQ(0, move(p, 1, 1, &status, &ret));
	EXPECT_EQ(-EBUSY, status);
	EXPECT_EQ(1, (long)ret.ret_failed);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(i + 1, p[i * 4096]);
		EXPECT_EQ(i != 1, node_of(p + i * 4096));
	}
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(0, move(p, 1, 1, &status, &ret));
	EXPECT_EQ(1, status);
	EXPECT_EQ(2, p[4096]);
	EXPECT_EQ(1, node_of(p + 4096));
	munmap(p, HUNK);
	unpin();
}

/* What a child has too stays as long as it does, with another reason. */
static void move_refuses_shared(void)
{
	struct ashlar_move ret;
	int32_t status;
	int fds[2];
	pid_t pid;
	char *p, c;

	pin_cpu(0);
	p = map_region(HUNK);
	*p = 7;
	EXPECT_EQ(0, pipe(fds));
	pid = fork();
	if (!pid) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) ? 1 : *p != 7);
	}
	EXPECT_EQ(0, move(p, 1, 1, &status, &ret));
	EXPECT_EQ(-EACCES, status);
	EXPECT_EQ(1, (long)ret.ret_failed);
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(0, move(p, 1, 1, &status, &ret));
	EXPECT_EQ(1, status);
	EXPECT_EQ(7, *p);
	munmap(p, HUNK);
	unpin();
}

#define CGROUP "/tmp/ashlar-cpuset"
#define MINE CGROUP "/ashlar-test"

static bool cpuset_ready(void)
{
	mkdir(CGROUP, 0700);
	if (mount("none", CGROUP, "cgroup2", 0, NULL) && errno != EBUSY)
		return false;
	mkdir(MINE, 0700);
	if (access(MINE "/cpuset.mems", W_OK))
		try_write(CGROUP "/cgroup.subtree_control", "+cpuset");
	return !access(MINE "/cpuset.mems", W_OK);
}

/* Runs in a child bound to node 0; returns what the child does. */
static int in_cpuset(int (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		write_file(MINE "/cpuset.mems", "0");
		write_file(MINE "/cgroup.procs", "%d", getpid());
		_exit(fn());
	}
	return wait_child(pid);
}

static int move_out_of_cpuset(void)
{
	struct ashlar_move ret;
	char *p = map_region(HUNK);
	int err;

	p[0] = 1;
	if (node_of(p))
		return 1;
	err = move(p, 1, 1, NULL, &ret);
	if (err != -EACCES) {
		printf("# %d, and the memory is on node %d\n", err, node_of(p));
		fflush(stdout);
		return 2;
	}
	return node_of(p) || p[0] != 1;
}

/* The pools are nobody's way out of a cpuset. */
static void move_obeys_cpuset(void)
{
	if (!cpuset_ready()) {
		ktap_skip("no cpuset controller of cgroup v2");
		return;
	}
	wait_pools(2);
	EXPECT_EQ(0, in_cpuset(move_out_of_cpuset));
}

static void remote_is_reported(void)
{
	struct ashlar_hunk hunk;
	struct ashlar_hint hint;
	struct ashlar_hints hints = {
		.size = sizeof(hints), .hints = (uintptr_t)&hint, .nr = 1,
		.hint_size = sizeof(hint), .len = HUNK,
	};
	char *p;

	wait_pools(2);
	p = map_region(HUNK);
	EXPECT_EQ(0, set_nodes(p, ASHLAR_NODE_STRICT, 1, NULL));
	p[0] = 1;
	EXPECT_EQ(0, set_nodes(p, ASHLAR_NODE_STRICT, 2, NULL));
	EXPECT_EQ(0, do_query(p, 1, &hunk));
	EXPECT_EQ(0, hunk.node);
	EXPECT_EQ(ASHLAR_HUNK_REMOTE, hunk.flags & ASHLAR_HUNK_REMOTE);
	hints.addr = (uintptr_t)p;
	EXPECT_EQ(0, do_ioctl(ASHLAR_IOC_HINTS, &hints));
	EXPECT_EQ(1, (long)hints.ret_nr);
	EXPECT_EQ(ASHLAR_HINT_MOVE, hint.reasons);
	EXPECT_EQ(1, hint.node);
	munmap(p, HUNK);
}

static void nothing_left(void)
{
	EXPECT(wait_for(balanced, NULL, 5000),
	       "mapped %lld parked %lld small %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "strict", strict },
	{ "preferred", preferred },
	{ "interleave", interleave },
	{ "weighted", weighted },
	{ "mbind_is_honoured", mbind_is_honoured },
	{ "task_policy_is_honoured", task_policy_is_honoured },
	{ "moved", moved },
	{ "move_refuses_pinned", move_refuses_pinned },
	{ "move_leaves_pinned_page", move_leaves_pinned_page },
	{ "move_refuses_shared", move_refuses_shared },
	{ "move_obeys_cpuset", move_obeys_cpuset },
	{ "remote_is_reported", remote_is_reported },
	{ "strict_fails_cleanly", strict_fails_cleanly },
	{ "nothing_left", nothing_left },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	set_pools(NR + 4);
	return ktap_main(tests, argc, argv);
}
