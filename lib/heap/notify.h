/* SPDX-License-Identifier: MIT */
/*
 * The program's functions to be called when memory is short.
 */
#ifndef ASHLAR_HEAP_NOTIFY_H
#define ASHLAR_HEAP_NOTIFY_H

#include "base/bits.h"

enum { MAX_NOTIFIES = 32 };

int notify_add(void (*fn)(void *arg), void *arg);
int notify_remove(void (*fn)(void *arg), void *arg);
bool notify_is_wanted(void);
void notify_all(void);
u64 notify_calls(void);
void notify_before_fork(void);
void notify_after_fork_parent(void);
void notify_after_fork_child(void);

#endif
