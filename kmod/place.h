/* SPDX-License-Identifier: GPL-2.0-only */
/* Which node memory should come from. */
#ifndef ASHLAR_PLACE_H
#define ASHLAR_PLACE_H

#include <linux/nodemask.h>
#include <linux/types.h>
#include <uapi/linux/ashlar.h>

struct mempolicy;
struct vm_area_struct;

/**
 * struct place - where a hunk should come from
 * @nid: best node
 * @is_strict: never from outside @nodes
 * @nodes: nodes that count as right
 */
struct place {
	int nid;
	bool is_strict;
	nodemask_t nodes;
};

/**
 * struct policy - a region's own wishes
 * @cow: how shared memory is copied
 * @mode: where memory comes from
 * @nodes: for all modes but ASHLAR_NODE_TASK, never empty then
 * @total_weight: sum of @weights over @nodes
 * @weights: one a node, for ASHLAR_NODE_WEIGHTED, else NULL
 *
 * Changes with every VMA of the region write-locked, so faults may read it.
 */
struct policy {
	enum ashlar_cow cow;
	enum ashlar_node mode;
	nodemask_t nodes;
	unsigned int total_weight;
	u8 *weights;
};

void place_choose(struct place *place, const struct policy *policy,
		  const struct vm_area_struct *vma, unsigned long idx);
void place_on_node(struct place *place, int nid);
bool place_is_allowed(int nid);
bool place_is_right(const struct place *place, int nid);

#endif /* ASHLAR_PLACE_H */
