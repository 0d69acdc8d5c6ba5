// SPDX-License-Identifier: GPL-2.0-only
/*
 * Getting ready to unload.
 *
 * The kernel refuses to unload a module that is mapped, but names no one.  While
 * draining, the pools are empty, no new region is made, populate is refused, and
 * the log says who still holds what.  Existing regions go on working: their first
 * touches are served from fresh memory.
 */
#include "drain.h"

#include <linux/mm.h>
#include <linux/nodemask.h>

#include "holders.h"
#include "numa.h"
#include "pool.h"
#include "zeroer.h"

static bool draining;

/**
 * is_draining() - whether new memory is refused
 */
bool is_draining(void)
{
	return READ_ONCE(draining);
}

/**
 * drain_set() - start or stop draining
 * @on: start
 */
void drain_set(bool on)
{
	int nid;

	WRITE_ONCE(draining, on);
	WRITE_ONCE(zeroer_conf.paused, on);
	if (!on) {
		zeroers_wake();
		pr_notice("draining stopped\n");
		return;
	}
	for_each_node(nid)
		pool_drain(numa_find(nid), ULONG_MAX);
	if (!holders_log())
		pr_notice("drained: nobody holds it, the module can be unloaded\n");
}
