/* SPDX-License-Identifier: MIT */
/*
 * Keeps several connections to one server full of operations from one source,
 * checks every reply against what the data set says it must be, and times it.
 * A key always travels on the same connection, so its operations stay in
 * order. It knows nothing of phases or snapshots; that is kvload.c.
 */
#ifndef PUMP_H
#define PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "kvset.h"
#include "resp.h"

enum { PUMP_NR_BUCKETS = 64 * 16 };

struct pollfd;
struct pump_lane;

/**
 * struct pump - connections, and what was seen on them
 * @set: what replies are checked against
 * @nr_lanes: connections
 * @pfds: one a lane, for poll(2)
 * @depth: operations under way on each at most
 * @nr_done: operations answered
 * @nr_wrong: answers that were not what they had to be
 * @max_ns: slowest answer since pump_reset()
 * @buckets: answers by latency, sixteen to a doubling
 */
struct pump {
	struct kvset *set;
	struct pump_lane *lanes;
	struct pollfd *pfds;
	unsigned int nr_lanes;
	unsigned int depth;
	uint64_t nr_done;
	uint64_t nr_wrong;
	uint64_t max_ns;
	uint64_t buckets[PUMP_NR_BUCKETS];
};

/* Yields the next operation; false when there is none. */
typedef bool (*pump_source_fn)(void *ctx, struct kv_op *ret_op);

int pump_init(struct pump *pump, struct kvset *set, const char *path,
	      unsigned int nr_lanes, unsigned int depth);
void pump_fini(struct pump *pump);
void pump_reset(struct pump *pump);
int pump_run(struct pump *pump, pump_source_fn source, void *ctx);
uint64_t pump_quantile_ns(const struct pump *pump, double quantile);
uint64_t pump_now_ns(void);

#endif
