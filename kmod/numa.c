// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of nodes: made at load, gone at unload, never changed between.
 */
#include "numa.h"

#include <linux/jiffies.h>
#include <linux/nodemask.h>
#include <linux/slab.h>

static struct numa **numas;

/**
 * numas_create() - make the table, all pools empty
 *
 * Return: 0 or -ENOMEM.
 */
int numas_create(void)
{
	struct numa *node;
	int nid;

	numas = kcalloc(nr_node_ids, sizeof(*numas), GFP_KERNEL);
	if (!numas)
		return -ENOMEM;
	for_each_node(nid) {
		node = kzalloc(sizeof(*node), GFP_KERNEL);
		if (!node) {
			numas_destroy();
			return -ENOMEM;
		}
		node->nid = nid;
		spin_lock_init(&node->lock);
		INIT_LIST_HEAD(&node->pages);
		node->pressure_until = jiffies - 1;
		numas[nid] = node;
	}
	return 0;
}

/**
 * numas_destroy() - free the table; the pools are empty, the zeroers gone
 */
void numas_destroy(void)
{
	int nid;

	if (!numas)
		return;
	for_each_node(nid)
		kfree(numas[nid]);
	kfree(numas);
	numas = NULL;
}

/**
 * numa_find() - find a node
 * @nid: its number, any integer
 *
 * Return: the node, or NULL if there can be none of that number.
 */
struct numa *numa_find(int nid)
{
	if (nid < 0 || nid >= nr_node_ids)
		return NULL;
	return numas[nid];
}

/**
 * numa_under_pressure() - whether memory was taken back here lately
 * @node: the node
 */
bool numa_under_pressure(const struct numa *node)
{
	return time_before(jiffies, READ_ONCE(node->pressure_until));
}
