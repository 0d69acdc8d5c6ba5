// SPDX-License-Identifier: MIT
/*
 * Memory that comes later, and goes: a node that had none when the module was
 * loaded. Needs a guest with HOTMEM (tools/vm/run).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "guest.h"
#include "ktap.h"

#define MEMORY "/sys/devices/system/memory/"
#define MAX_BLOCKS 64

static int node = -1;
static int blocks[MAX_BLOCKS], nr_blocks;
static long block_hunks;

/* The node whose blocks of memory are all offline; its blocks. */
static bool find_node(void)
{
	char path[300], state[32];
	struct dirent *entry;
	FILE *file;
	DIR *dir;
	int nid;

	for (nid = 0; nid < 8 && node < 0; nid++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d",
			 nid);
		dir = opendir(path);
		nr_blocks = 0;
		while (dir && (entry = readdir(dir))) {
			if (sscanf(entry->d_name, "memory%d",
				   &blocks[nr_blocks]) != 1)
				continue;
			snprintf(path, sizeof(path), MEMORY "%s/state",
				 entry->d_name);
			file = fopen(path, "re");
			if (file && fgets(state, sizeof(state), file) &&
			    !strncmp(state, "offline", 7) &&
			    nr_blocks < MAX_BLOCKS - 1)
				nr_blocks++;
			if (file)
				fclose(file);
		}
		if (dir)
			closedir(dir);
		if (nr_blocks)
			node = nid;
	}
	file = fopen(MEMORY "block_size_bytes", "re");
	if (!file || fscanf(file, "%lx", &block_hunks) != 1)
		block_hunks = 0;
	if (file)
		fclose(file);
	block_hunks /= HUNK;
	return node >= 0 && block_hunks;
}

static bool skips(void)
{
	if (node >= 0)
		return false;
	ktap_skip("no node of this guest has offline memory: HOTMEM=MiB");
	return true;
}

static int set_block(int i, const char *state)
{
	char path[80];

	snprintf(path, sizeof(path), MEMORY "memory%d/state", blocks[i]);
	return try_write(path, state);
}

static bool pool_is_full(void *arg)
{
	long long target = read_number(ASHLAR_SYSFS "node%d/target", node);

	(void)arg;
	return target &&
	       read_number(ASHLAR_SYSFS "node%d/pool", node) >= target;
}

/* Floor and cap follow each block, and the pool fills. */
static void memory_comes(void)
{
	long long nr;
	int i;

	if (skips())
		return;
	EXPECT_EQ(0, read_number(ASHLAR_SYSFS "node%d/target", node));
	for (i = 0; i < nr_blocks; i++) {
		EXPECT_EQ(0, set_block(i, "online_kernel"));
		nr = (i + 1) * block_hunks;
		EXPECT_EQ(nr / 32,
			  read_number(ASHLAR_SYSFS "node%d/min_target", node));
		EXPECT_EQ(nr / 8,
			  read_number(ASHLAR_SYSFS "node%d/max_target", node));
	}
	EXPECT(wait_for(pool_is_full, NULL, 20000), "%lld in the pool",
	       read_number(ASHLAR_SYSFS "node%d/pool", node));
}

static void memory_is_used(void)
{
	uint64_t nodes[1];
	struct ashlar_policy policy = {
		.size = sizeof(policy),
		.flags = ASHLAR_POLICY_SET_NODE,
		.node_mode = ASHLAR_NODE_STRICT,
		.nodemask = (uintptr_t)nodes,
		.nodemask_bits = 64,
	};
	char *p;

	if (skips())
		return;
	p = map_region(2 * HUNK);
	nodes[0] = 1ULL << node;
	policy.addr = (uintptr_t)p;
	EXPECT_EQ(0, do_ioctl(ASHLAR_IOC_POLICY, &policy));
	p[0] = p[HUNK] = 1;
	EXPECT_EQ(node, node_of(p));
	EXPECT_EQ(node, node_of(p + HUNK));
	munmap(p, 2 * HUNK);
}

/* What an administrator has set stays, whatever memory comes. */
static void own_targets_stay(void)
{
	char path[80];

	if (skips())
		return;
	snprintf(path, sizeof(path), ASHLAR_SYSFS "node%d/max_target", node);
	write_file(path, "5");
	if (set_block(nr_blocks - 1, "offline")) {
		ktap_skip("the kernel itself uses the block");
		return;
	}
	EXPECT_EQ(5, read_number("%s", path));
	EXPECT_EQ((nr_blocks - 1) * block_hunks / 32,
		  read_number(ASHLAR_SYSFS "node%d/min_target", node));
	EXPECT_EQ(0, set_block(nr_blocks - 1, "online_kernel"));
	EXPECT_EQ(5, read_number("%s", path));
}

/* Drained first, as the documentation says. */
static void memory_goes(void)
{
	int i;

	if (skips())
		return;
	write_file(ASHLAR_SYSFS "drain", "1");
	for (i = 0; i < nr_blocks; i++)
		if (set_block(i, "offline"))
			break;
	if (i < nr_blocks)
		ktap_skip("the kernel itself uses block %d of %d", i + 1,
			  nr_blocks);
	else
		EXPECT_EQ(0, read_number(ASHLAR_SYSFS "node%d/target", node));
	while (i-- > 0)
		EXPECT_EQ(0, set_block(i, "online_kernel"));
	write_file(ASHLAR_SYSFS "drain", "0");
	EXPECT(wait_for(pool_is_full, NULL, 20000), "%lld in the pool",
	       read_number(ASHLAR_SYSFS "node%d/pool", node));
}

static const struct ktap_test tests[] = {
	{"memory_comes", memory_comes},
	{"memory_is_used", memory_is_used},
	{"own_targets_stay", own_targets_stay},
	{"memory_goes", memory_goes},
	{NULL, NULL},
};

int main(int argc, char **argv)
{
	dev_open();
	find_node();
	return ktap_main(tests, argc, argv);
}
