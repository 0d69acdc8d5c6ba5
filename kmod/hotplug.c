// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module does when CPUs, memory, or the machine's sleep come and go.
 *
 * CPU: a thread whose last CPU went runs anywhere, and the kernel leaves it so;
 * when a CPU comes, the threads' masks are set anew.
 *
 * Memory: pages in use do not migrate, and offlining a block tries for ever. A
 * block with such pages is refused at once. One with pages of a pool is refused
 * by the kernel, before anybody is asked: drain first.
 *
 * Sleep: the threads freeze like any task (zeroer.c). Zeroed pages are not worth
 * writing to disk, so the pools are empty before a hibernation.
 */
#include "hotplug.h"

#include <linux/cpuhotplug.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/suspend.h>

#include "hunk.h"
#include "numa.h"
#include "park.h"
#include "pool.h"
#include "zeroer.h"

static int cpu_state;

static int cpu_came(unsigned int cpu)
{
	zeroers_reconfigure();
	return 0;
}

/* Read without locks: what comes and goes meanwhile is somebody else's. */
static unsigned long nr_parked(unsigned long pfn, unsigned long nr)
{
	unsigned long end = pfn + nr, nr_pages = 0;
	struct page *page;

	for (; pfn < end; pfn++) {
		page = pfn_to_online_page(pfn);
		if (page && !PageTail(page) &&
		    park_owns(READ_ONCE(page->mapping)))
			nr_pages += PageHead(page) ? HUNK_NR : 1;
		cond_resched();
	}
	return nr_pages;
}

static int refuse_offline(const struct memory_notify *arg)
{
	unsigned long nr = nr_parked(arg->start_pfn, arg->nr_pages);

	if (!nr)
		return NOTIFY_OK;
	pr_notice("memory at 0x%llx cannot go offline: %lu KiB are in use; see the file holders\n",
		  (u64)PFN_PHYS(arg->start_pfn), nr << (PAGE_SHIFT - 10));
	return notifier_from_errno(-EBUSY);
}

/* Of a new node block after block comes online: each adds to its targets. */
static void memory_changed(void)
{
	int nid;

	for_each_node(nid)
		pool_size_targets(numa_find(nid));
	if (zeroers_start())
		pr_warn("cannot start the zeroer of a node whose memory came\n");
}

static int memory_event(struct notifier_block *nb, unsigned long action,
			void *data)
{
	switch (action) {
	case MEM_GOING_OFFLINE:
		return refuse_offline(data);
	case MEM_ONLINE:
	case MEM_OFFLINE:
		memory_changed();
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block memory_nb = { .notifier_call = memory_event };

static int sleep_event(struct notifier_block *nb, unsigned long action,
		       void *data)
{
	int nid;

	switch (action) {
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		WRITE_ONCE(zeroer_conf.asleep, true);
		for_each_node(nid)
			pool_drain(numa_find(nid), ULONG_MAX);
		break;
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		WRITE_ONCE(zeroer_conf.asleep, false);
		zeroers_wake();
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block sleep_nb = { .notifier_call = sleep_event };

/**
 * hotplug_init() - listen
 *
 * Return: 0 or -errno.
 */
int hotplug_init(void)
{
	int err;

	err = register_memory_notifier(&memory_nb);
	if (err)
		return err;
	err = register_pm_notifier(&sleep_nb);
	if (err)
		goto unregister_memory;
	cpu_state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN,
					      "mm/ashlar:online", cpu_came,
					      NULL);
	if (cpu_state >= 0)
		return 0;
	err = cpu_state;
	unregister_pm_notifier(&sleep_nb);
unregister_memory:
	unregister_memory_notifier(&memory_nb);
	return err;
}

/**
 * hotplug_exit() - listen no more; the zeroers still run
 */
void hotplug_exit(void)
{
	cpuhp_remove_state_nocalls(cpu_state);
	unregister_pm_notifier(&sleep_nb);
	unregister_memory_notifier(&memory_nb);
}
