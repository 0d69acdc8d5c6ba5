/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads that zero huge pages ahead of need, one a node. */
#ifndef ASHLAR_ZEROER_H
#define ASHLAR_ZEROER_H

#include <linux/cpumask.h>
#include <linux/types.h>

/**
 * struct zeroer_conf - what the administrator may set, for all nodes
 * @rate: huge pages a second and node at most, 0: no cap
 * @nice: of the threads
 * @bypass_cache: zero past the cache, where the kernel does not zero anyway
 * @idle_only: run only when a CPU has nothing else to do
 * @cpus: where they may run, within their node if any of its CPUs is in there
 * @paused: no zeroing: the module is being drained
 * @asleep: no zeroing: the machine is about to hibernate
 */
struct zeroer_conf {
	unsigned int rate;
	int nice;
	bool bypass_cache;
	bool idle_only;
	bool paused;
	bool asleep;
	struct cpumask cpus;
};

extern struct zeroer_conf zeroer_conf;

int zeroers_start(void);
void zeroers_stop(void);
void zeroers_reconfigure(void);
void zeroers_wake(void);

#endif /* ASHLAR_ZEROER_H */
