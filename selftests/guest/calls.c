// SPDX-License-Identifier: MIT
/*
 * Every call with every kind of bad input: the error that the uapi header
 * promises, and no harm done.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "guest.h"
#include "ktap.h"

/* The calls on a range have these first; the rest of a struct may be zero. */
struct range_arg {
	uint32_t size;
	uint32_t flags;
	uint64_t addr;
	uint64_t len;
	unsigned char rest[256];
};

static const struct range_call {
	unsigned long cmd;
	uint32_t size;
	uint32_t flags;
	const char *name;
} range_calls[] = {
	{ ASHLAR_IOC_DISCARD, sizeof(struct ashlar_discard), 0, "DISCARD" },
	{ ASHLAR_IOC_POPULATE, sizeof(struct ashlar_populate), 15, "POPULATE" },
	{ ASHLAR_IOC_FOLD, sizeof(struct ashlar_fold), 0, "FOLD" },
	{ ASHLAR_IOC_COLLAPSE, sizeof(struct ashlar_collapse), 3, "COLLAPSE" },
	{ ASHLAR_IOC_TICKET, sizeof(struct ashlar_ticket), 0, "TICKET" },
	{ ASHLAR_IOC_UNSHARE, sizeof(struct ashlar_unshare), 0, "UNSHARE" },
	{ ASHLAR_IOC_MOVE, sizeof(struct ashlar_move), 0, "MOVE" },
};

#define NR_CALLS (sizeof(range_calls) / sizeof(*range_calls))

static char *mem;

static int call(const struct range_call *row, uint64_t addr, uint64_t len,
		uint32_t flags, uint32_t size)
{
	struct range_arg arg = {
		.size = size, .flags = flags, .addr = addr, .len = len,
	};

	return do_ioctl(row->cmd, &arg);
}

static void bad_ranges(void)
{
	uint64_t addr = (uintptr_t)mem;
	const struct range_call *row;
	char *foreign;

	foreign = mmap(NULL, 4 * HUNK, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t other = ((uintptr_t)foreign + HUNK) & -HUNK;

	for (row = range_calls; row < range_calls + NR_CALLS; row++) {
#define REJECTS(err, addr, len)                                         \
	EXPECT(call(row, addr, len, 0, row->size) == (err),             \
	       "%s: %d for %s", row->name,                              \
	       call(row, addr, len, 0, row->size), #addr ", " #len)
		REJECTS(-EINVAL, addr, 0);
		REJECTS(-EINVAL, addr + 4096, HUNK);
		REJECTS(-EINVAL, addr, HUNK + 4096);
		REJECTS(-EINVAL, addr, -HUNK);
		REJECTS(-EINVAL, -HUNK, 2 * HUNK);
		REJECTS(-EFAULT, addr, 1ULL << 46);
		REJECTS(-EFAULT, 0, HUNK);
		REJECTS(-EFAULT, 1ULL << 63, HUNK);
		REJECTS(-EFAULT, other, HUNK);
		REJECTS(0, addr, HUNK);
#undef REJECTS
	}
	munmap(foreign, 4 * HUNK);
}

static void bad_flags(void)
{
	const struct range_call *row;
	int bit, err;

	for (row = range_calls; row < range_calls + NR_CALLS; row++)
		for (bit = 0; bit < 32; bit++) {
			if (row->flags >> bit & 1)
				continue;
			err = call(row, (uintptr_t)mem, HUNK, 1U << bit,
				   row->size);
			EXPECT(err == -EINVAL, "%s: %d for flag bit %d",
			       row->name, err, bit);
		}
}

static void bad_sizes(void)
{
	const struct range_call *row;
	int err;

	for (row = range_calls; row < range_calls + NR_CALLS; row++) {
		err = call(row, (uintptr_t)mem, HUNK, 0, 0);
		EXPECT(err == -EINVAL, "%s: %d for size 0", row->name, err);
		err = call(row, (uintptr_t)mem, HUNK, 0, row->size - 1);
		EXPECT(err == -EINVAL, "%s: %d for size - 1", row->name, err);
		err = call(row, (uintptr_t)mem, HUNK, 0, row->size + 8);
		EXPECT(err == 0, "%s: %d for a longer struct of zeroes",
		       row->name, err);
		err = call(row, (uintptr_t)mem, HUNK, 0, 1U << 30);
		EXPECT(err == -EFAULT || err == -E2BIG,
		       "%s: %d for a huge size", row->name, err);
	}
}

static void newer_struct_in_use(void)
{
	struct {
		struct ashlar_discard known;
		uint64_t unknown;
	} arg = {
		.known = { .size = sizeof(arg), .addr = (uintptr_t)mem,
			   .len = HUNK },
		.unknown = 1,
	};

	EXPECT_EQ(-E2BIG, do_ioctl(ASHLAR_IOC_DISCARD, &arg));
	arg.unknown = 0;
	EXPECT_EQ(0, do_ioctl(ASHLAR_IOC_DISCARD, &arg));
}

static void bad_pointers(void)
{
	static const int nrs[] = {
		ASHLAR_CMD_INFO, ASHLAR_CMD_STATS, ASHLAR_CMD_QUERY,
		ASHLAR_CMD_DISCARD, ASHLAR_CMD_POPULATE, ASHLAR_CMD_FOLD,
		ASHLAR_CMD_COLLAPSE, ASHLAR_CMD_TICKET, ASHLAR_CMD_UNSHARE,
		ASHLAR_CMD_BREAK, ASHLAR_CMD_MOVE, ASHLAR_CMD_POLICY,
		ASHLAR_CMD_QUOTA, ASHLAR_CMD_HINTS,
	};
	uint32_t *readonly;
	size_t i;

	readonly = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	readonly[0] = sizeof(struct ashlar_stats);
	mprotect(readonly, 4096, PROT_READ);
	for (i = 0; i < sizeof(nrs) / sizeof(*nrs); i++) {
		unsigned long cmd = _IO(ASHLAR_IOC_TYPE, nrs[i]);

		EXPECT_EQ(-EFAULT, do_ioctl(cmd, NULL));
		EXPECT_EQ(-EFAULT, do_ioctl(cmd, (void *)(1ULL << 63)));
	}
	EXPECT_EQ(-EFAULT, do_ioctl(ASHLAR_IOC_STATS, readonly));
	munmap(readonly, 4096);
}

static void unknown_calls(void)
{
	uint64_t arg[32] = { sizeof(arg) };
	unsigned int nr;

	for (nr = 0x30; nr < 0x100; nr++)
		EXPECT_EQ(-ENOTTY, do_ioctl(_IO(ASHLAR_IOC_TYPE, nr), arg));
	EXPECT_EQ(-ENOTTY, do_ioctl(_IO(ASHLAR_IOC_TYPE + 1, 0), arg));
	EXPECT_EQ(-ENOTTY, do_ioctl(_IOR(ASHLAR_IOC_TYPE, ASHLAR_CMD_INFO,
					 struct ashlar_info), arg));
}

static void query_and_hints(void)
{
	struct ashlar_hunk hunks[4];
	struct ashlar_query query = {
		.size = sizeof(query), .addr = (uintptr_t)mem, .len = 4 * HUNK,
		.hunks = (uintptr_t)hunks, .hunk_size = sizeof(*hunks),
	};
	struct ashlar_hint hint;
	struct ashlar_hints hints = {
		.size = sizeof(hints), .addr = (uintptr_t)mem, .len = 4 * HUNK,
		.hints = (uintptr_t)&hint, .nr = 1, .hint_size = sizeof(hint),
	};

	EXPECT_EQ(0, do_ioctl(ASHLAR_IOC_QUERY, &query));
	EXPECT_EQ(4, (long)query.ret_nr);
	query.reserved = 1;
	EXPECT_EQ(-EINVAL, do_ioctl(ASHLAR_IOC_QUERY, &query));
	query.reserved = 0;
	query.hunk_size = 8;
	EXPECT_EQ(-EINVAL, do_ioctl(ASHLAR_IOC_QUERY, &query));
	query.hunk_size = sizeof(*hunks);
	query.hunks = 8;
	EXPECT_EQ(-EFAULT, do_ioctl(ASHLAR_IOC_QUERY, &query));
	EXPECT_EQ(0, do_ioctl(ASHLAR_IOC_HINTS, &hints));
	hints.nr = 0;
	EXPECT_EQ(-EINVAL, do_ioctl(ASHLAR_IOC_HINTS, &hints));
	hints.nr = 1;
	hints.hint_size = 4;
	EXPECT_EQ(-EINVAL, do_ioctl(ASHLAR_IOC_HINTS, &hints));
}

static void break_and_policy(void)
{
	uint64_t bitmap[8] = { 1 };
	struct ashlar_break brk = {
		.size = sizeof(brk), .addr = (uintptr_t)mem, .len = HUNK,
	};
	struct ashlar_policy policy = {
		.size = sizeof(policy), .addr = (uintptr_t)mem,
		.flags = ASHLAR_POLICY_SET_COW, .cow = 99,
	};

	EXPECT_EQ(-EFAULT, do_ioctl(ASHLAR_IOC_BREAK, &brk));
	brk.bitmap = (uintptr_t)bitmap;
	brk.status = 8;
	EXPECT_EQ(-EFAULT, do_ioctl(ASHLAR_IOC_BREAK, &brk));
	EXPECT_EQ(-EINVAL, do_ioctl(ASHLAR_IOC_POLICY, &policy));
	policy.cow = 0;
	policy.flags = ASHLAR_POLICY_SET_NODE;
	policy.node_mode = ASHLAR_NODE_STRICT;
	EXPECT_EQ(-EINVAL, do_ioctl(ASHLAR_IOC_POLICY, &policy));
	policy.nodemask = (uintptr_t)bitmap;
	policy.nodemask_bits = 1 << 20;
	EXPECT_EQ(-EINVAL, do_ioctl(ASHLAR_IOC_POLICY, &policy));
	policy.nodemask_bits = 64;
	bitmap[0] = 1ULL << 63;
	EXPECT_EQ(-ENODEV, do_ioctl(ASHLAR_IOC_POLICY, &policy));
	policy.flags = 0;
	policy.node_mode = 0;
	policy.nodemask = policy.nodemask_bits = 0;
	policy.addr = (uintptr_t)&policy;
	EXPECT_EQ(-EFAULT, do_ioctl(ASHLAR_IOC_POLICY, &policy));
}

static void read_and_poll(void)
{
	struct pollfd fd = { .fd = dev, .events = POLLIN | POLLPRI };
	struct ashlar_event event;

	/* Of empty pools nothing can be taken. */
	wait_pools(1);
	EXPECT_EQ(-1, (long)read(dev, &event, sizeof(event) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ((long)sizeof(event), (long)read(dev, &event, sizeof(event)));
	write_file("/proc/sys/vm/drop_caches", "2");
	EXPECT_EQ(1, poll(&fd, 1, 5000));
	EXPECT(fd.revents & POLLPRI, "events %#x", fd.revents);
	EXPECT_EQ((long)sizeof(event), (long)read(dev, &event, sizeof(event)));
	fd.events = POLLPRI;
	EXPECT_EQ(0, poll(&fd, 1, 0));
}

static void features_are_true(void)
{
	struct ashlar_info info;
	struct ashlar_stats stats = { .size = sizeof(stats) };

	EXPECT_EQ(0, do_info(&info));
	EXPECT_EQ(ASHLAR_ABI_VERSION, info.ret_abi);
	EXPECT_EQ((long)HUNK, (long)info.ret_hunk_size);
	EXPECT_EQ(sysconf(_SC_PAGESIZE), (long)info.ret_page_size);
	EXPECT_EQ(0x1ffff, (long)(info.ret_features & 0x1ffff));
	EXPECT_EQ(0, do_ioctl(ASHLAR_IOC_STATS, &stats));
	EXPECT_EQ(stat_now("mapped"), (long)stats.ret_mapped);
}

static const struct ktap_test tests[] = {
	{ "bad_ranges", bad_ranges },
	{ "bad_flags", bad_flags },
	{ "bad_sizes", bad_sizes },
	{ "newer_struct_in_use", newer_struct_in_use },
	{ "bad_pointers", bad_pointers },
	{ "unknown_calls", unknown_calls },
	{ "query_and_hints", query_and_hints },
	{ "break_and_policy", break_and_policy },
	{ "read_and_poll", read_and_poll },
	{ "features_are_true", features_are_true },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	mem = map_region(4 * HUNK);
	mem[0] = 1;
	return ktap_main(tests, argc, argv);
}
