/* SPDX-License-Identifier: MIT */
/*
 * Whether the process has any other thread, or ever had one.
 */
#ifndef ASHLAR_OS_ALONE_H
#define ASHLAR_OS_ALONE_H

#include "base/bits.h"

#include <sys/single_threaded.h>

bool os_is_alone(void);

/* Has it ever had another thread?  Only libc's are counted. */
static inline bool os_is_threaded(void)
{
	return !__libc_single_threaded;
}

#endif
