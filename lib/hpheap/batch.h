/* SPDX-License-Identifier: MIT */
/*
 * Huge pages that are given back, or parts of them, together.  They are taken
 * under the heap's lock, which marks them busy, given back without it, and put
 * where they belong now under it again: an allocation never waits for the
 * kernel.  The purge lock is held all the while.
 */
#ifndef ASHLAR_HPHEAP_BATCH_H
#define ASHLAR_HPHEAP_BATCH_H

#include "hpheap/discard.h"
#include "hpheap/hpheap.h"

enum { BATCH_MAX = 8 };

/* A huge page as it was when it was taken: others free into it meanwhile. */
struct batch_page {
	struct hpage *hp;
	const struct backend_ops *ops;
	struct bitmap used, touched;
	struct bitmap keep;  /* units that stay: all that are used, or fewer */
	struct bitmap clean; /* given back since */
	size_t nr_clean;
	bool is_unused;
};

struct batch {
	struct batch_page page[BATCH_MAX];
	unsigned int nr;
	/* Of pages of one backend: ranges to be given back, and whose. */
	struct os_range range[DISCARD_MAX];
	u8 owner[DISCARD_MAX];
	unsigned int nr_ranges;
	struct discard_cost cost;
};

void batch_init(struct batch *b, u64 deadline_ns);
struct batch_page *batch_take(struct batch *b, struct hpheap *h,
			      struct hpage *hp);
void batch_discard(struct batch *b, struct hpheap *h);
size_t batch_finish(struct batch *b, struct hpheap *h);

#endif
