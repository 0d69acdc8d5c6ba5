/* SPDX-License-Identifier: MIT */
/*
 * Broken huge pages that have filled up again are made huge again.
 */
#ifndef ASHLAR_HPHEAP_COLLAPSE_H
#define ASHLAR_HPHEAP_COLLAPSE_H

#include "hpheap/hpheap.h"

bool collapse_is_dense(const struct hpage *hp);
unsigned int collapse_run(struct hpheap *h, unsigned int max);

#endif
