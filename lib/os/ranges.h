/* SPDX-License-Identifier: MIT */
/*
 * Several ranges of memory in one system call.
 */
#ifndef ASHLAR_OS_RANGES_H
#define ASHLAR_OS_RANGES_H

#include "base/bits.h"

/* Laid out as the kernel's struct iovec. */
struct os_range {
	void *addr;
	size_t len;
};

long os_discard_many(const struct os_range *ranges, unsigned int nr);

#endif
