/* SPDX-License-Identifier: MIT */
/*
 * The value of the option "numa" as one number.
 */
#ifndef ASHLAR_RT_NODELIST_H
#define ASHLAR_RT_NODELIST_H

#include "base/bits.h"

enum {
	NUMA_LOCAL = 0,
	NUMA_INTERLEAVE = -1, /* above 0: bind, one bit a node */
	NODELIST_NODES = 63,
};

struct print;

bool nodelist_parse(const char *v, size_t len, long *ret_value);
void nodelist_print(struct print *p, long value);

#endif
