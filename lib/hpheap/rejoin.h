/* SPDX-License-Identifier: MIT */
/*
 * After a fork: transparent huge pages that were copied page by page are made
 * huge again.
 */
#ifndef ASHLAR_HPHEAP_REJOIN_H
#define ASHLAR_HPHEAP_REJOIN_H

#include "hpheap/hpheap.h"

void rejoin_request(void);
void rejoin_cancel(void);
bool rejoin_tick(u64 now_ms);

#endif
