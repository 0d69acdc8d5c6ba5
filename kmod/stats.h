/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of the whole module, one table row each.
 *
 * Per CPU, so that counting costs nothing; a sum is exact only when nothing
 * runs.  Gauges go up and down, the others only up (allocated: see zero_one()).
 * What a counter means is said once, in the uapi header and in
 * Documentation/ABI.
 */
#ifndef ASHLAR_STATS_H
#define ASHLAR_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

#define ASHLAR_COUNTERS(X) \
	X(zeroing) X(mapped) X(parked) X(shared) X(allocated) X(freed) \
	X(small) X(small_allocated) X(small_freed) X(regions) \
	X(pool_hits) X(pool_misses) X(fallbacks) X(remote) \
	X(zeroed) X(zeroed_bypassing) X(zero_ns) X(shrunk) X(discarded) \
	X(fork_shared) X(fork_copied) X(fork_failed) \
	X(cow_huge) X(cow_base) X(cow_reused) X(around) \
	X(folded) X(fold_pages) X(fold_busy) X(remaps) X(collapsed) \
	X(broken) X(moved) X(charge_fails) X(quota_fails) \
	X(cow_dense) X(cow_bytes)

enum ashlar_stat {
#define X(name) STAT_##name,
	ASHLAR_COUNTERS(X)
#undef X
	STAT_NR
};

struct stats {
	s64 count[STAT_NR];
};

DECLARE_PER_CPU(struct stats, ashlar_stats);

static inline void stat_add(enum ashlar_stat stat, s64 n)
{
	this_cpu_add(ashlar_stats.count[stat], n);
}

static inline void stat_inc(enum ashlar_stat stat)
{
	stat_add(stat, 1);
}

static inline void stat_dec(enum ashlar_stat stat)
{
	stat_add(stat, -1);
}

s64 stat_sum(enum ashlar_stat stat);
s64 stats_imbalance(void);

#endif /* ASHLAR_STATS_H */
