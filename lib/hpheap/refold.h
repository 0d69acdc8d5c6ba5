/* SPDX-License-Identifier: MIT */
/*
 * Getting huge pages back after a fork, where the backend lets us.
 */
#ifndef ASHLAR_HPHEAP_REFOLD_H
#define ASHLAR_HPHEAP_REFOLD_H

#include "base/bits.h"

void refold_request(void);
bool refold_is_pending(void);
void refold_cancel(void);
void refold_run(void);

#endif
