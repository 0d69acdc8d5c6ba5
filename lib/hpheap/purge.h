/* SPDX-License-Identifier: MIT */
/*
 * Giving memory back: what, when and how much at a time.
 *
 * Whole empty huge pages go first, the oldest first.  A huge page in partial
 * use is broken only if it has aged, is less than half full, and nothing whole
 * is left to give; or when the caller asks for everything.  Memory that is not
 * huge anyway goes back run by run.
 */
#ifndef ASHLAR_HPHEAP_PURGE_H
#define ASHLAR_HPHEAP_PURGE_H

#include "hpheap/hpheap.h"

enum purge_how {
	PURGE_DECAY, /* down to the decay curve, sparing dense huge pages */
	PURGE_ALL,   /* every free page that the kernel backs */
};

enum purge_result {
	PURGE_IDLE,    /* nothing was given back */
	PURGE_WAITING, /* neither, but something will be due soon */
	PURGE_DONE,    /* what was due was */
	PURGE_MORE,    /* not all that is due */
};

enum purge_result purge_tick(struct hpheap *h, u64 now_ms,
			     unsigned int max_steps);
void purge_slice(struct hpheap *h, u64 now_ms);
size_t purge_run(struct hpheap *h, enum purge_how how, unsigned int max_steps);
size_t purge_pending(struct hpheap *h);
size_t purge_pending_all(void);
bool purge_is_enabled(void);
void purge_disable(void);
void purge_enable(void);

#endif
