/* SPDX-License-Identifier: MIT */
/*
 * NUMA by the system calls themselves: libnuma allocates.  Node masks are one
 * word: nodes 0 to 63.
 */
#ifndef ASHLAR_OS_NUMA_H
#define ASHLAR_OS_NUMA_H

#include "base/bits.h"

enum os_numa_policy {
	OS_NUMA_PREFERRED,
	OS_NUMA_BIND,
	OS_NUMA_INTERLEAVE,
};

unsigned int os_numa_node(void);
u64 os_numa_allowed(void);
bool os_numa_has_task_policy(void);
int os_numa_set(void *addr, size_t len, enum os_numa_policy policy, u64 nodes);
int os_numa_where(void *const *pages, size_t nr, int *ret_nodes);

#endif
