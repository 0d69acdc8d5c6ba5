// SPDX-License-Identifier: MIT
/*
 * local: each node's heap prefers its node, unless the program was started
 * with a policy of its own (numactl), which then stands.  interleave: one heap,
 * whose pages go round the nodes.  bind: heaps of the nodes named only, and
 * pages of no others.
 */
#include "hpheap/place.h"

#include <stdlib.h>

#include "os/numa.h"
#include "rt/conf.h"
#include "rt/nodelist.h"
#include "rt/print.h"

static u64 allowed = 1;
static bool is_hands_off; /* the kernel's default does what is wanted */

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

	if (conf.numa == NUMA_INTERLEAVE)
		return 0;
	node = os_numa_node();
	if (conf.numa == NUMA_LOCAL || (node < 64 && conf.numa >> node & 1))
		return node;
	return nth_node(conf.numa, node);
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
