/* SPDX-License-Identifier: MIT */
/*
 * The module's status page, read without a system call.
 */
#ifndef ASHLAR_BACKEND_STATUS_H
#define ASHLAR_BACKEND_STATUS_H

#include "base/bits.h"

bool status_pressure_epoch(u64 *ret_epoch);
void status_after_fork(void);

#endif
