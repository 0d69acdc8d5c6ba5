/* SPDX-License-Identifier: MIT */
/*
 * Statistics by NUMA node, and where memory really is.
 */
#ifndef ASHLAR_HEAP_NODES_H
#define ASHLAR_HEAP_NODES_H

#include "base/bits.h"

struct node_share {
	u64 sampled; /* pages that the kernel was asked about */
	u64 local;   /* of those, where they should be */
};

struct print;

void nodes_share(struct node_share *ret_sum);
void nodes_print_text(struct print *p);
void nodes_print_json(struct print *p);

#endif
