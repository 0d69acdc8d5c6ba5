// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that zero huge pages ahead of need, one a node.
 *
 * A thread fills its node's pool up to the target and sleeps until the pool is
 * low.  It never reclaims: memory that is not free is not taken, and while a
 * node is short of memory the thread rests.  The target follows demand between
 * a floor and a cap: it is the largest recent burst and a quarter more.
 *
 * Each wake-up is either pool_take()'s, a change of configuration, or the end
 * of the interval below.  The threads freeze when the machine goes to sleep.
 */
#include "zeroer.h"

#include <linux/freezer.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/topology.h>
#include <uapi/linux/sched/types.h>

#include "clear.h"
#include "event.h"
#include "hunk.h"
#include "numa.h"
#include "pool.h"
#include "stats.h"
#include "trace.h"

/* One window of the burst history. */
#define WINDOW_JIFFIES HZ
/* Sleep before another try when memory is short. */
#define RETRY_JIFFIES (HZ / 10)

struct zeroer_conf zeroer_conf = {
	.nice = MAX_NICE,
	.bypass_cache = true,
};

static DEFINE_MUTEX(conf_lock);

/* What is free and zeroable without taking anything from anybody. */
#define ZEROER_GFP                                        \
	(((GFP_HIGHUSER | __GFP_THISNODE | __GFP_NORETRY | \
	   __GFP_NOWARN | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM))

/* Zeroes past the cache if that is wanted and of use, else by the kernel. */
static struct folio *zeroed_folio(int nid)
{
	bool is_ours = READ_ONCE(zeroer_conf.bypass_cache) && clear_is_ours();
	gfp_t gfp = is_ours ? ZEROER_GFP : ZEROER_GFP | __GFP_ZERO;
	struct folio *folio = __folio_alloc_node(gfp, HUNK_ORDER, nid);

	if (folio && is_ours) {
		clear_hunk(&folio->page);
		stat_inc(STAT_zeroed_bypassing);
	}
	return folio;
}

/*
 * The page is in both books from before the kernel zeroes it, so that they
 * agree all the while: with a large target that takes long, and whoever looks
 * at the sum then must not take it for a leak.
 */
static bool zero_one(struct numa *node)
{
	struct folio *folio;
	u64 start = current->se.sum_exec_runtime, ns;

	stat_inc(STAT_allocated);
	stat_inc(STAT_zeroing);
	folio = zeroed_folio(node->nid);
	if (!folio) {
		stat_dec(STAT_zeroing);
		stat_dec(STAT_allocated);
		return false;
	}
	/* The scheduler accounts by the tick: exact over time only. */
	ns = current->se.sum_exec_runtime - start;
	atomic64_add(ns, &node->zero_ns);
	stat_add(STAT_zero_ns, ns);
	atomic64_inc(&node->nr_zeroed);
	stat_inc(STAT_zeroed);

	pool_give(node, &folio->page);
	stat_dec(STAT_zeroing);
	trace_ashlar_zero(node->nid, node->nr_pages);
	return true;
}

static bool zeroer_rests(void)
{
	return READ_ONCE(zeroer_conf.paused) || READ_ONCE(zeroer_conf.asleep);
}

static bool zeroer_wants(const struct numa *node)
{
	return !zeroer_rests() &&
	       READ_ONCE(node->nr_pages) < READ_ONCE(node->target) &&
	       !numa_under_pressure(node);
}

/* End of a window: follow demand. */
static void zeroer_adapt(struct numa *node)
{
	unsigned long hits = xchg(&node->hits, 0);

	node->burst = max(hits, node->burst - DIV_ROUND_UP(node->burst, 8));
	pool_set_target(node, node->burst + node->burst / 4);
}

/*
 * Sleep off what was zeroed faster than the cap allows: after each page, or at
 * higher rates after each tenth of a second's.  Who takes pages meanwhile wakes
 * the thread, to no avail.
 */
static void zeroer_throttle(unsigned int *nr_done)
{
	unsigned int rate = READ_ONCE(zeroer_conf.rate);
	unsigned int batch = max(rate / 10, 1U);
	unsigned long until;

	if (!rate || ++*nr_done < batch) {
		cond_resched();
		return;
	}
	*nr_done = 0;
	until = jiffies + DIV_ROUND_UP(HZ * batch, rate);
	while (time_before(jiffies, until) && READ_ONCE(zeroer_conf.rate) &&
	       !kthread_freezable_should_stop(NULL))
		schedule_timeout_interruptible(until - jiffies);
}

/* The target may have sunk while a page was being zeroed for it. */
static void zeroer_trim(struct numa *node)
{
	unsigned long have = READ_ONCE(node->nr_pages);
	unsigned long target = zeroer_rests() ? 0 : READ_ONCE(node->target);

	if (have > target)
		pool_drain(node, have - target);
}

static void zeroer_sleep(const struct numa *node)
{
	bool is_short = READ_ONCE(node->nr_pages) < READ_ONCE(node->target);

	set_current_state(TASK_INTERRUPTIBLE);
	if (kthread_should_stop())
		__set_current_state(TASK_RUNNING);
	else
		schedule_timeout(is_short ? RETRY_JIFFIES : WINDOW_JIFFIES);
}

static int zeroer(void *arg)
{
	struct numa *node = arg;
	unsigned long window_end = jiffies + WINDOW_JIFFIES;
	bool was_short = false;
	unsigned int nr_done = 0;

	set_freezable();
	while (!kthread_freezable_should_stop(NULL)) {
		if (time_after_eq(jiffies, window_end)) {
			zeroer_adapt(node);
			window_end = jiffies + WINDOW_JIFFIES;
		}
		if (zeroer_wants(node) && zero_one(node)) {
			was_short = true;
			zeroer_throttle(&nr_done);
			continue;
		}
		if (was_short && READ_ONCE(node->nr_pages) >=
					 READ_ONCE(node->target)) {
			was_short = false;
			event_refilled();
		}
		zeroer_trim(node);
		zeroer_sleep(node);
	}
	return 0;
}

/* Guarded by conf_lock. */
static void zeroer_configure(struct numa *node)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = zeroer_conf.idle_only ? SCHED_IDLE : SCHED_NORMAL,
		.sched_nice = zeroer_conf.nice,
	};
	const struct cpumask *local = cpumask_of_node(node->nid);
	cpumask_var_t cpus;

	if (sched_setattr_nocheck(node->zeroer, &attr))
		pr_warn("node %d: cannot set the zeroer's priority\n",
			node->nid);
	if (!zalloc_cpumask_var(&cpus, GFP_KERNEL))
		return;
	if (cpumask_empty(&zeroer_conf.cpus))
		cpumask_copy(cpus, cpu_possible_mask);
	else
		cpumask_copy(cpus, &zeroer_conf.cpus);
	if (cpumask_intersects(cpus, local))
		cpumask_and(cpus, cpus, local);
	/* Fails if none of them is online: then anywhere will do. */
	if (set_cpus_allowed_ptr(node->zeroer, cpus))
		set_cpus_allowed_ptr(node->zeroer, cpu_possible_mask);
	free_cpumask_var(cpus);
}

/**
 * zeroers_reconfigure() - apply zeroer_conf to the running threads
 */
void zeroers_reconfigure(void)
{
	struct numa *node;
	int nid;

	mutex_lock(&conf_lock);
	for_each_node(nid) {
		node = numa_find(nid);
		if (node->zeroer)
			zeroer_configure(node);
	}
	mutex_unlock(&conf_lock);
	zeroers_wake();
}

/**
 * zeroers_wake() - have them look at their pools now
 */
void zeroers_wake(void)
{
	struct numa *node;
	int nid;

	for_each_node(nid) {
		node = numa_find(nid);
		if (node->zeroer)
			wake_up_process(node->zeroer);
	}
}

/**
 * zeroers_start() - one thread for every node with memory
 *
 * May be called again when a node came online.
 *
 * Return: 0 or -errno; what was started stays.
 */
int zeroers_start(void)
{
	struct task_struct *task;
	struct numa *node;
	int nid, err = 0;

	mutex_lock(&conf_lock);
	for_each_node_state(nid, N_MEMORY) {
		node = numa_find(nid);
		if (node->zeroer)
			continue;
		task = kthread_create_on_node(zeroer, node, nid, "ashlar/%d",
					      nid);
		if (IS_ERR(task)) {
			err = PTR_ERR(task);
			break;
		}
		node->zeroer = task;
		zeroer_configure(node);
		wake_up_process(task);
	}
	mutex_unlock(&conf_lock);
	return err;
}

/**
 * zeroers_stop() - end all threads
 */
void zeroers_stop(void)
{
	struct numa *node;
	int nid;

	mutex_lock(&conf_lock);
	for_each_node(nid) {
		node = numa_find(nid);
		if (node->zeroer)
			kthread_stop(node->zeroer);
		node->zeroer = NULL;
	}
	mutex_unlock(&conf_lock);
}
