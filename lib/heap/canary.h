/* SPDX-License-Identifier: MIT */
/*
 * What stands behind a block of a hardened process: padding up to the last
 * eight bytes of its slot, and in these a seal.  The seal tells how long the
 * block is, or that it was freed, and fits its address only.
 */
#ifndef ASHLAR_HEAP_CANARY_H
#define ASHLAR_HEAP_CANARY_H

#include "base/bits.h"

enum { SEAL_BYTES = 8 };

enum canary {
	CANARY_LIVE,
	CANARY_FREED,
	CANARY_BROKEN, /* written over, or no block */
};

void canary_init(void);
void canary_arm(void *p, size_t slot, size_t size);
enum canary canary_read(const void *p, size_t slot, size_t *ret_size);
enum canary canary_retire(void *p, size_t slot);
void canary_pad(void *p, size_t from, size_t end);
bool canary_pad_holds(const void *p, size_t from, size_t end);

#endif
