/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says of the heap's memory, as against what the library
 * believes: resident and huge bytes, read from /proc/self/smaps.
 */
#ifndef ASHLAR_HEAP_TRUTH_H
#define ASHLAR_HEAP_TRUTH_H

#include "base/bits.h"

struct truth {
	size_t rss;  /* bytes resident */
	size_t huge; /* of those, mapped by huge-page entries */
};

int truth_read(struct truth *ret_truth);

#endif
