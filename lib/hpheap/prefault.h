/* SPDX-License-Identifier: MIT */
/*
 * Backing huge pages ahead of demand, so that their zeroing and faults are the
 * background thread's, not the program's.  For anonymous memory: the module
 * keeps zeroed pages by itself.
 */
#ifndef ASHLAR_HPHEAP_PREFAULT_H
#define ASHLAR_HPHEAP_PREFAULT_H

#include "hpheap/hpheap.h"

bool prefault_tick(struct hpheap *h);

#endif
