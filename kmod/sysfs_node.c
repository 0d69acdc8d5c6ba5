// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/misc/ashlar/nodeN: one directory for every possible node.
 */
#include "sysfs.h"

#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/nodemask.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "numa.h"
#include "pool.h"

static struct numa *kobj_node(struct kobject *kobj)
{
	return container_of(kobj, struct numa, kobj);
}

#define NODE_ATTR_RO(_name, _value)                                   \
	static ssize_t _name##_show(struct kobject *kobj,              \
				    struct kobj_attribute *attr,       \
				    char *buf)                         \
	{                                                              \
		struct numa *node = kobj_node(kobj);                   \
									\
		return sysfs_emit(buf, "%llu\n", (u64)(_value));       \
	}                                                              \
	static struct kobj_attribute _name##_attr = __ATTR_RO(_name)

NODE_ATTR_RO(pool, READ_ONCE(node->nr_pages));
NODE_ATTR_RO(target, READ_ONCE(node->target));
NODE_ATTR_RO(burst, READ_ONCE(node->burst));
NODE_ATTR_RO(mapped, atomic64_read(&node->nr_mapped));
NODE_ATTR_RO(zeroed, atomic64_read(&node->nr_zeroed));
NODE_ATTR_RO(zero_ns, atomic64_read(&node->zero_ns));
NODE_ATTR_RO(shrunk, atomic64_read(&node->nr_shrunk));
NODE_ATTR_RO(pressure_epoch, atomic64_read(&node->pressure_epoch));

static ssize_t min_target_show(struct kobject *kobj,
			       struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", kobj_node(kobj)->min_target);
}

static ssize_t min_target_store(struct kobject *kobj,
				struct kobj_attribute *attr, const char *buf,
				size_t count)
{
	struct numa *node = kobj_node(kobj);
	int err = kstrtoul(buf, 0, &node->min_target);

	if (err)
		return err;
	node->is_min_set = true;
	pool_set_target(node, node->min_target);
	return count;
}

static struct kobj_attribute min_target_attr = __ATTR_RW(min_target);

static ssize_t max_target_show(struct kobject *kobj,
			       struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", kobj_node(kobj)->max_target);
}

static ssize_t max_target_store(struct kobject *kobj,
				struct kobj_attribute *attr, const char *buf,
				size_t count)
{
	struct numa *node = kobj_node(kobj);
	int err = kstrtoul(buf, 0, &node->max_target);

	if (err)
		return err;
	node->is_max_set = true;
	pool_set_target(node, READ_ONCE(node->target));
	return count;
}

static struct kobj_attribute max_target_attr = __ATTR_RW(max_target);

static struct attribute *node_attrs[] = {
	&pool_attr.attr,
	&target_attr.attr,
	&min_target_attr.attr,
	&max_target_attr.attr,
	&burst_attr.attr,
	&mapped_attr.attr,
	&zeroed_attr.attr,
	&zero_ns_attr.attr,
	&shrunk_attr.attr,
	&pressure_epoch_attr.attr,
	NULL,
};
ATTRIBUTE_GROUPS(node);

/* numas_destroy() frees the nodes, once sysfs_nodes_remove() has seen this. */
static void node_release(struct kobject *kobj)
{
	complete(&kobj_node(kobj)->kobj_gone);
}

static const struct kobj_type node_ktype = {
	.release = node_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = node_groups,
};

/**
 * sysfs_nodes_remove() - remove the directories
 */
void sysfs_nodes_remove(void)
{
	struct numa *node;
	int nid;

	for_each_node(nid) {
		node = numa_find(nid);
		if (!node->kobj.state_initialized)
			continue;
		kobject_put(&node->kobj);
		wait_for_completion(&node->kobj_gone);
	}
}

/**
 * sysfs_nodes_add() - make the directories
 * @dev: the device
 *
 * Return: 0 or -errno.
 */
int sysfs_nodes_add(struct device *dev)
{
	struct numa *node;
	int nid, err;

	for_each_node(nid) {
		node = numa_find(nid);
		init_completion(&node->kobj_gone);
		err = kobject_init_and_add(&node->kobj, &node_ktype, &dev->kobj,
					   "node%d", nid);
		if (err) {
			sysfs_nodes_remove();
			return err;
		}
	}
	return 0;
}
