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

#include "client.h"
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

static void name_holder(const struct client *client, void *arg)
{
	unsigned int *nr = arg;
	long regions = atomic_long_read(&client->nr_regions);

	if (!regions)
		return;
	(*nr)++;
	pr_notice("draining: held by %s[%d]: %ld regions, %ld huge pages, %ld base pages\n",
		  client->comm, client->tgid, regions,
		  atomic_long_read(&client->nr_huge),
		  atomic_long_read(&client->nr_small));
}

/**
 * drain_set() - start or stop draining
 * @on: start
 */
void drain_set(bool on)
{
	unsigned int nr = 0;
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
	clients_for_each(name_holder, &nr);
	if (!nr)
		pr_notice("drained: nothing is mapped, the module can be unloaded\n");
}
