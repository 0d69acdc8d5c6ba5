/* SPDX-License-Identifier: MIT */
/*
 * Whether the process has any other thread.
 */
#ifndef ASHLAR_OS_ALONE_H
#define ASHLAR_OS_ALONE_H

#include "base/bits.h"

bool os_is_alone(void);

#endif
