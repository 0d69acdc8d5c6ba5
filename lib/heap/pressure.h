/* SPDX-License-Identifier: MIT */
/*
 * Hearing that memory is short: from the kernel's pressure stall information,
 * and from the module's status page.
 */
#ifndef ASHLAR_HEAP_PRESSURE_H
#define ASHLAR_HEAP_PRESSURE_H

#include "base/bits.h"

enum { PRESSURE_TEXT_MAX = 320 };

bool pressure_is_wanted(void);
void pressure_start(void);
void pressure_stop(void);
bool pressure_wait(long ms);
u64 pressure_events(void);
u64 pressure_ignored(void);
void pressure_describe(char *buf, size_t len);
void pressure_before_fork(void);
void pressure_after_fork_parent(void);
void pressure_after_fork_child(void);

#endif
