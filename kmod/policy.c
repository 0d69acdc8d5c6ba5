// SPDX-License-Identifier: GPL-2.0-only
/*
 * ASHLAR_IOC_POLICY: a region's own wishes.
 *
 * Read by faults without a lock of its own, so it changes only with every VMA of
 * the region write-locked.
 */
#include "calls.h"

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/ashlar.h>

#include "compat.h"
#include "failpoint.h"
#include "place.h"
#include "region.h"
#include "vma.h"

static int fetch_nodes(const struct ashlar_policy *arg, nodemask_t *nodes)
{
	const u64 __user *words = u64_to_user_ptr(arg->nodemask);
	unsigned int nid;
	u64 word = 0;

	nodes_clear(*nodes);
	for (nid = 0; nid < arg->nodemask_bits; nid++) {
		if (nid % 64 == 0 && get_user(word, words + nid / 64))
			return -EFAULT;
		if (!(word >> (nid % 64) & 1))
			continue;
		if (nid >= nr_node_ids || !node_state(nid, N_MEMORY))
			return -ENODEV;
		node_set(nid, *nodes);
	}
	return nodes_empty(*nodes) ? -EINVAL : 0;
}

static int fetch_weights(const struct ashlar_policy *arg,
			 struct policy *policy)
{
	const u8 __user *from = u64_to_user_ptr(arg->weights);
	int nid;

	if (should_fail_at(FAIL_META))
		return -ENOMEM;
	policy->weights = kcalloc(nr_node_ids, 1, GFP_KERNEL_ACCOUNT);
	if (!policy->weights)
		return -ENOMEM;
	for_each_node_mask(nid, policy->nodes) {
		if (get_user(policy->weights[nid], from + nid))
			return -EFAULT;
		if (!policy->weights[nid])
			return -EINVAL;
		policy->total_weight += policy->weights[nid];
	}
	return 0;
}

static int fetch_policy(const struct ashlar_policy *arg, struct policy *policy)
{
	int err;

	policy->cow = arg->cow;
	policy->mode = arg->node_mode;
	if (arg->reserved || arg->cow > ASHLAR_COW_HUGE ||
	    arg->node_mode > ASHLAR_NODE_WEIGHTED ||
	    arg->nodemask_bits > 4096)
		return -EINVAL;
	if (arg->node_mode == ASHLAR_NODE_TASK)
		return arg->nodemask_bits || arg->nodemask || arg->weights ?
			-EINVAL : 0;
	err = fetch_nodes(arg, &policy->nodes);
	if (!err && arg->node_mode == ASHLAR_NODE_WEIGHTED)
		err = fetch_weights(arg, policy);
	else if (!err && arg->weights)
		err = -EINVAL;
	return err;
}

static void vma_lock(struct vm_area_struct *vma)
{
	vma_start_write(vma);
}

/* What is replaced ends up in @policy, for the caller to free. */
static void policy_set(struct region *region, struct policy *policy, u32 flags)
{
	struct policy old = region->policy;

	region_walk_vmas(region, vma_lock);
	if (!(flags & ASHLAR_POLICY_SET_COW))
		policy->cow = old.cow;
	if (flags & ASHLAR_POLICY_SET_NODE) {
		region->policy = *policy;
		policy->weights = old.weights;
	} else {
		region->policy.cow = policy->cow;
	}
}

int call_policy(struct client *client, void *arg)
{
	struct ashlar_policy *uarg = arg;
	struct policy policy = {};
	struct region *region;
	int err;

	err = fetch_policy(uarg, &policy);
	if (err)
		goto free_policy;
	err = -EINTR;
	if (mmap_write_lock_killable(current->mm))
		goto free_policy;
	err = -EFAULT;
	region = uarg->addr < TASK_SIZE ?
		region_at(current->mm, uarg->addr, NULL) : NULL;
	if (region) {
		policy_set(region, &policy, uarg->flags);
		uarg->ret_cow = region->policy.cow;
		uarg->ret_node_mode = region->policy.mode;
		err = 0;
	}
	mmap_write_unlock(current->mm);
free_policy:
	kfree(policy.weights);
	return err;
}
