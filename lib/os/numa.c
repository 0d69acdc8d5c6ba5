// SPDX-License-Identifier: MIT
/*
 * Where memory is and where it shall be.
 */
#include "os/numa.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>

#include "arch.h"

/* The kernel wants room for every node it could have: 1024 at most. */
enum { MASK_WORDS = 16, MASK_BITS = MASK_WORDS * 64 };

/* The node of the CPU that runs this. */
unsigned int os_numa_node(void)
{
	unsigned int cpu, node;

	return getcpu(&cpu, &node) ? 0 : node;
}

/**
 * os_numa_allowed() - nodes that this process may have memory of
 *
 * Return: one bit a node; node 0 alone where the kernel does not say.
 */
u64 os_numa_allowed(void)
{
	unsigned long mask[MASK_WORDS] = { 0 };

	if (sys_call(SYS_get_mempolicy, 0, (long)mask, MASK_BITS, 0,
		     MPOL_F_MEMS_ALLOWED, 0) || !mask[0])
		return 1;
	return mask[0];
}

/* Has somebody set a policy for this thread (numactl, set_mempolicy)? */
bool os_numa_has_task_policy(void)
{
	int mode = MPOL_DEFAULT;

	return !sys_call(SYS_get_mempolicy, (long)&mode, 0, 0, 0, 0, 0) &&
	       mode != MPOL_DEFAULT;
}

/**
 * os_numa_set() - say where the pages of a range shall come from
 * @addr: start, page aligned
 * @len: bytes
 * @policy: how @nodes are meant
 * @nodes: one bit a node
 *
 * Pages that are there already stay.
 *
 * Return: 0 or -errno: -EINVAL a node without memory, -ENOSYS no NUMA.
 */
int os_numa_set(void *addr, size_t len, enum os_numa_policy policy, u64 nodes)
{
	static const int modes[] = {
		[OS_NUMA_PREFERRED] = MPOL_PREFERRED,
		[OS_NUMA_BIND] = MPOL_BIND,
		[OS_NUMA_INTERLEAVE] = MPOL_INTERLEAVE,
	};
	unsigned long mask[MASK_WORDS] = { nodes };

	return sys_call(SYS_mbind, (long)addr, len, modes[policy], (long)mask,
			MASK_BITS, 0);
}

/**
 * os_numa_where() - which nodes pages are on
 * @pages: addresses
 * @nr: how many
 * @ret_nodes: receives for each its node, or -errno: -ENOENT not there
 *
 * Return: 0 or -errno.
 */
int os_numa_where(void *const *pages, size_t nr, int *ret_nodes)
{
	return sys_call(SYS_move_pages, 0, nr, (long)pages, 0, (long)ret_nodes,
			0);
}
