/* SPDX-License-Identifier: MIT */
/*
 * Freed blocks of a hardened process wait here, first in, first out, so that a
 * stale pointer meets nobody's data, and a write through it is seen when the
 * block leaves.  What a block is, its user knows.
 */
#ifndef ASHLAR_HEAP_QUARANTINE_H
#define ASHLAR_HEAP_QUARANTINE_H

#include "rt/lock.h"

void quarantine_init(size_t limit, void (*release)(void *p));
bool quarantine_accepts(size_t weight);
bool quarantine_push(void *p, size_t weight);
size_t quarantine_drain(void);
size_t quarantine_bytes(void);
struct lock *quarantine_lock(void);

void quarantine_fill(void *p, size_t len);
bool quarantine_fill_holds(const void *p, size_t len);

#endif
