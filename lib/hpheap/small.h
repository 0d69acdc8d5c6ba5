/* SPDX-License-Identifier: MIT */
/*
 * Broken huge pages that khugepaged is told to leave alone.
 */
#ifndef ASHLAR_HPHEAP_SMALL_H
#define ASHLAR_HPHEAP_SMALL_H

#include "hpheap/hpheap.h"

void small_begin(struct hpheap *h, struct hpage *hp);
void small_end(struct hpheap *h, struct hpage *hp);
void small_after_fork(void);

#endif
