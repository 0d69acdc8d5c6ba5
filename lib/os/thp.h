/* SPDX-License-Identifier: MIT */
/*
 * Whether the kernel gives this process transparent huge pages.
 */
#ifndef ASHLAR_OS_THP_H
#define ASHLAR_OS_THP_H

#include "base/bits.h"

enum os_thp {
	OS_THP_UNKNOWN,	 /* no /sys */
	OS_THP_ABSENT,	 /* a kernel without them */
	OS_THP_ALWAYS,
	OS_THP_MADVISE,
	OS_THP_NEVER,
	OS_THP_DISABLED, /* for this process, by prctl(2) */
};

enum os_thp os_thp_state(const char *root);
bool os_thp_is_possible(void);
const char *os_thp_text(enum os_thp state);
long os_thp_max_ptes_none(const char *root);

#endif
