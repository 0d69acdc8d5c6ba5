// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sums of the counters, and the one equation that they must satisfy.
 */
#include "stats.h"

#include <linux/cpumask.h>

#include "pool.h"

DEFINE_PER_CPU(struct stats, ashlar_stats);

/**
 * stat_sum() - value of a counter over all CPUs
 * @stat: which
 */
s64 stat_sum(enum ashlar_stat stat)
{
	s64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(ashlar_stats, cpu).count[stat]);
	return sum;
}

/**
 * stats_imbalance() - pages that are nowhere, or in two places
 *
 * Every huge page taken from the kernel and not yet given back is in exactly
 * one of pool, zeroing, mapped and parked; every base page is in use.
 *
 * Return: 0 when nothing is under way; anything else then is a leak.
 */
s64 stats_imbalance(void)
{
	s64 huge = stat_sum(STAT_allocated) - stat_sum(STAT_freed) -
		   pool_total() - stat_sum(STAT_zeroing) -
		   stat_sum(STAT_mapped) - stat_sum(STAT_parked);
	s64 small = stat_sum(STAT_small_allocated) -
		    stat_sum(STAT_small_freed) - stat_sum(STAT_small);

	return abs(huge) + abs(small);
}
