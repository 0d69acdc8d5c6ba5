/* SPDX-License-Identifier: MIT */
/*
 * The first pages of a process, which are small.
 */
#ifndef ASHLAR_HPHEAP_START_H
#define ASHLAR_HPHEAP_START_H

#include "hpheap/hpheap.h"

void start_grow_up(struct hpheap *h);

#endif
