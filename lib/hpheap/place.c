// SPDX-License-Identifier: MIT
/*
 * local: each node's heap prefers its node, unless the program was started
 * with a policy of its own (numactl), which then stands.  interleave: one heap,
 * whose pages go round the nodes.  bind: heaps of the nodes named only, and
 * pages of no others.  A thread may choose another node than its own.
 */
#include "hpheap/place.h"

#include <errno.h>
#include <stdlib.h>

#include "os/numa.h"
#include "rt/conf.h"
#include "rt/nodelist.h"
#include "rt/print.h"

static u64 allowed = 1;
static bool is_hands_off; /* the kernel's default does what is wanted */

/* The node that the thread has chosen, and 1; 0: none. */
static __thread unsigned int chosen;

static void complain(u64 missing)
{
	char list[128], have[256];
	struct print p;

	print_to_buf(&p, list, sizeof(list));
	nodelist_print(&p, missing);
	print_to_buf(&p, have, sizeof(have));
	nodelist_print(&p, allowed & (~0ULL >> 1));
	print_error_parts("numa: no memory for this process on the nodes of ",
			  list, "; it may use those of ", have,
			  ". Memory is placed as by numa:local");
	if (conf.abort_conf)
		abort();
}

/* Read the option against the nodes there are. */
void place_init(void)
{
	allowed = os_numa_allowed();
	if (conf.numa > 0 && (u64)conf.numa & ~allowed) {
		complain((u64)conf.numa & ~allowed);
		conf.numa = NUMA_LOCAL;
	}
	is_hands_off = conf.numa == NUMA_LOCAL &&
		       (!(allowed & (allowed - 1)) ||
			os_numa_has_task_policy());
}

/* The @n-th of the nodes in a mask that is not empty, going round. */
static unsigned int nth_node(u64 mask, unsigned int n)
{
	for (n %= popcount64(mask); n; n--)
		mask &= mask - 1;
	return ctz64(mask);
}

/**
 * place_node() - whose heap the calling thread is to take memory from
 *
 * Return: a node.
 */
unsigned int place_node(void)
{
	unsigned int node;

	if (chosen)
		return chosen - 1;
	if (conf.numa == NUMA_INTERLEAVE)
		return 0;
	node = os_numa_node();
	if (conf.numa == NUMA_LOCAL || (node < 64 && conf.numa >> node & 1))
		return node;
	return nth_node(conf.numa, node);
}

/**
 * place_bind() - choose the node of which the calling thread takes memory
 * @node: the node; -1: the one that it runs on, or as the option says
 *
 * Return: 0; -EINVAL: there is no such node for this process; -EOPNOTSUPP: the
 * option, or a policy that the process was started with, has it otherwise.
 */
int place_bind(int node)
{
	bool is_alone = !(allowed & (allowed - 1));

	if (node < -1 || (node >= 0 && (node > 63 || !(allowed >> node & 1))))
		return -EINVAL;
	if (node >= 0 && (conf.numa != NUMA_LOCAL || (is_hands_off && !is_alone)))
		return -EOPNOTSUPP;
	chosen = node + 1;
	return 0;
}

/* What place_bind() was told last. */
int place_chosen(void)
{
	return (int)chosen - 1;
}

/**
 * place_wanted() - where memory of a heap should be
 * @node: the heap's
 *
 * Return: one bit a node.
 */
u64 place_wanted(unsigned int node)
{
	switch (conf.numa) {
	case NUMA_LOCAL:
		return 1ULL << node;
	case NUMA_INTERLEAVE:
		return allowed;
	default:
		return conf.numa;
	}
}

/**
 * place_chunk() - tell the kernel, for memory that was not touched yet
 * @addr: start
 * @len: bytes
 * @node: the heap's
 *
 * Where the kernel refuses, memory is good all the same; the statistics tell
 * where it came to lie.
 */
void place_chunk(void *addr, size_t len, unsigned int node)
{
	enum os_numa_policy policy = OS_NUMA_BIND;
	u64 nodes = place_wanted(node);

	if (is_hands_off)
		return;
	if (conf.numa == NUMA_LOCAL)
		policy = OS_NUMA_PREFERRED;
	else if (conf.numa == NUMA_INTERLEAVE)
		policy = OS_NUMA_INTERLEAVE;
	os_numa_set(addr, len, policy, nodes);
}
