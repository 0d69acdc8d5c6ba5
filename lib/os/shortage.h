/* SPDX-License-Identifier: MIT */
/*
 * Whether memory is short, by the amounts and not by the waits.
 */
#ifndef ASHLAR_OS_SHORTAGE_H
#define ASHLAR_OS_SHORTAGE_H

#include "base/bits.h"

bool os_memory_is_short(const char *root);

#endif
