/* SPDX-License-Identifier: MIT */
/*
 * A set of partly used huge pages that answers one question fast: which is the
 * fullest one with a free run of so many units, or for a long run, the fullest
 * of those that it fits best?  Mechanism only; who is in which set, and why, is
 * the node heap's policy.
 */
#ifndef ASHLAR_HPHEAP_HPSET_H
#define ASHLAR_HPHEAP_HPSET_H

#include "hpheap/hpage.h"

enum {
	HPSET_LEVELS = 16,   /* of fullness */
	HPSET_RUNS = 36,     /* classes of longest free run */
	HPSET_LONG_RUN = 32, /* units from which the fit decides first */
};

struct hpset {
	/*
	 * Bit r of level l: bucket[l][r] is not empty.  A bucket is not read
	 * else, so that a small process never touches the pages of most.
	 */
	u64 nonempty[HPSET_LEVELS];
	struct list bucket[HPSET_LEVELS][HPSET_RUNS];
	size_t nr_hpages;
};

void hpset_init(struct hpset *s);
void hpset_insert(struct hpset *s, struct hpage *hp);
void hpset_remove(struct hpset *s, struct hpage *hp);
struct hpage *hpset_find(struct hpset *s, unsigned int nr_units);
struct hpage *hpset_find_emptiest(struct hpset *s, unsigned int nr_units);
struct hpage *hpset_fullest(struct hpset *s, unsigned int min_used,
			    bool (*wanted)(const struct hpage *hp));
struct hpage *hpset_sparsest(struct hpset *s,
			     bool (*wanted)(const struct hpage *hp));

#endif
