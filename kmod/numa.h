/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module keeps for each NUMA node.
 *
 * One struct for every possible node, made at load, so that looking one up
 * never fails and memory hotplug has nothing to allocate.
 */
#ifndef ASHLAR_NUMA_H
#define ASHLAR_NUMA_H

#include <linux/completion.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct task_struct;

/**
 * struct numa - one NUMA node
 * @nid: its number
 * @lock: a leaf; guards @pages, and writes of @nr_pages
 * @pages: zeroed huge pages, through page->lru, the hottest first
 * @nr_pages: how many
 * @target: how many the zeroer aims at
 * @low: the zeroer is woken below that
 * @min_target: floor of the adaptive target
 * @max_target: its cap; equal to @min_target, the target is fixed
 * @is_min_set: the administrator's, not by the node's memory
 * @is_max_set: the same of the cap
 * @hits: hand-outs in the current window of the burst history
 * @burst: largest of the recent windows, decaying
 * @zeroer: thread that fills @pages, NULL on a node without memory
 * @nr_zeroed: huge pages zeroed
 * @zero_ns: CPU time that took
 * @nr_shrunk: huge pages given back under pressure
 * @nr_mapped: huge pages of this node in use
 * @pressure_epoch: how often the machine took memory back
 * @pressure_until: jiffies until which the node counts as short of memory
 * @kobj: directory in sysfs
 * @kobj_gone: nobody holds @kobj any more
 */
struct numa {
	int nid;
	spinlock_t lock;
	struct list_head pages;
	unsigned long nr_pages;
	unsigned long target;
	unsigned long low;
	unsigned long min_target;
	unsigned long max_target;
	bool is_min_set;
	bool is_max_set;
	unsigned long hits;
	unsigned long burst;
	struct task_struct *zeroer;
	atomic64_t nr_zeroed;
	atomic64_t zero_ns;
	atomic64_t nr_shrunk;
	atomic64_t nr_mapped;
	atomic64_t pressure_epoch;
	unsigned long pressure_until;
	struct kobject kobj;
	struct completion kobj_gone;
};

int numas_create(void);
void numas_destroy(void);
struct numa *numa_find(int nid);
bool numa_under_pressure(const struct numa *node);

#endif /* ASHLAR_NUMA_H */
