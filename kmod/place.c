// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which node memory should come from.
 *
 * A region's own policy goes first, then mbind()'s, then the task's, then the
 * node of the CPU; the task's cpuset bounds all of them.  Nothing is allocated
 * here.
 */
#include "place.h"

#include <linux/compiler.h>
#include <linux/cpuset.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "compat.h"

static int nearest_node(int from, const nodemask_t *nodes)
{
	int nid, best = NUMA_NO_NODE;

	if (node_isset(from, *nodes))
		return from;
	for_each_node_mask(nid, *nodes)
		if (best == NUMA_NO_NODE ||
		    node_distance(from, nid) < node_distance(from, best))
			best = nid;
	return best;
}

static int nth_node(const nodemask_t *nodes, unsigned long n)
{
	int nid = first_node(*nodes);

	for (n %= nodes_weight(*nodes); n; n--)
		nid = next_node(nid, *nodes);
	return nid;
}

static int weighted_node(const struct policy *policy, unsigned long idx)
{
	unsigned long left = idx % policy->total_weight;
	int nid;

	for_each_node_mask(nid, policy->nodes) {
		if (left < policy->weights[nid])
			return nid;
		left -= policy->weights[nid];
	}
	return first_node(policy->nodes);
}

/* Nodes that others may be changing now, as they were at one moment. */
static void nodes_look(nodemask_t *to, const nodemask_t *from)
{
	*to = *from;
	barrier();	/* no second look */
}

/* A cpuset that changes rewrites the nodes of its tasks' policies. */
static void place_by_mempolicy(struct place *place, struct mempolicy *pol,
			       unsigned long idx)
{
	nodemask_t nodes;

	if (!pol)
		return;
	nodes_look(&nodes, &pol->nodes);
	if (nodes_empty(nodes))
		return;
	if (pol->mode == MPOL_BIND) {
		place->is_strict = true;
		place->nodes = nodes;
		place->nid = nearest_node(place->nid, &nodes);
	} else if (pol->mode == MPOL_PREFERRED ||
		   pol->mode == MPOL_PREFERRED_MANY) {
		place->nodes = nodes;
		place->nid = nearest_node(place->nid, &nodes);
	} else if (mpol_is_interleave(pol->mode)) {
		place->nid = nth_node(&nodes, idx);
		place->nodes = nodemask_of_node(place->nid);
	}
}

static void place_by_policy(struct place *place, const struct policy *policy,
			    unsigned long idx)
{
	switch (policy->mode) {
	case ASHLAR_NODE_STRICT:
		place->is_strict = true;
		fallthrough;
	case ASHLAR_NODE_PREFERRED:
		place->nodes = policy->nodes;
		place->nid = nearest_node(place->nid, &place->nodes);
		return;
	case ASHLAR_NODE_INTERLEAVE:
		place->nid = nth_node(&policy->nodes, idx);
		break;
	case ASHLAR_NODE_WEIGHTED:
		place->nid = weighted_node(policy, idx);
		break;
	case ASHLAR_NODE_TASK:
		return;
	}
	place->nodes = nodemask_of_node(place->nid);
}

/**
 * place_is_allowed() - whether the task's cpuset has a node
 * @nid: the node
 */
bool place_is_allowed(int nid)
{
	return node_isset(nid, cpuset_current_mems_allowed);
}

static void place_bound_by_cpuset(struct place *place)
{
	nodemask_t allowed;

	if (place_is_allowed(place->nid))
		return;
	nodes_look(&allowed, &cpuset_current_mems_allowed);
	if (nodes_empty(allowed))
		return;
	if (nodes_intersects(place->nodes, allowed))
		nodes_and(place->nodes, place->nodes, allowed);
	else
		place->nodes = allowed;
	place->nid = nearest_node(place->nid, &place->nodes);
}

/**
 * place_choose() - where a hunk of a region should come from
 * @place: filled in
 * @policy: of the region
 * @vma: that covers the hunk, kept still by the caller; NULL: no mbind() policy
 * @idx: number of the hunk within the region
 *
 * A task that touches somebody else's memory leaves its own policy out.
 */
void place_choose(struct place *place, const struct policy *policy,
		  const struct vm_area_struct *vma, unsigned long idx)
{
	bool is_own = !vma || vma->vm_mm == current->mm;

	place->nid = numa_mem_id();
	place->is_strict = false;
	place->nodes = nodemask_of_node(place->nid);

	if (policy->mode != ASHLAR_NODE_TASK)
		place_by_policy(place, policy, idx);
	else if (vma && vma->vm_policy)
		place_by_mempolicy(place, vma->vm_policy, idx);
	else if (is_own)
		place_by_mempolicy(place, current->mempolicy, idx);
	if (is_own)
		place_bound_by_cpuset(place);
}

/**
 * place_on_node() - this node and no other
 * @place: filled in
 * @nid: the node
 */
void place_on_node(struct place *place, int nid)
{
	place->nid = nid;
	place->is_strict = true;
	place->nodes = nodemask_of_node(nid);
}

/**
 * place_is_right() - whether memory of a node is where it should be
 * @place: where it should be
 * @nid: where it is
 */
bool place_is_right(const struct place *place, int nid)
{
	return node_isset(nid, place->nodes);
}
