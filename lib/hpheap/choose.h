/* SPDX-License-Identifier: MIT */
/*
 * Which huge page a run goes to.
 */
#ifndef ASHLAR_HPHEAP_CHOOSE_H
#define ASHLAR_HPHEAP_CHOOSE_H

#include "hpheap/hpheap.h"

enum hpset_id choose_kind(size_t nr_units, bool is_fleeting);
struct hpage *choose_hpage(struct hpheap *h, unsigned int nr_units,
			   enum hpset_id kind);
bool choose_is_fleeting(size_t unit);
enum hpset_id choose_new_kind(const struct hpage *hp, enum hpset_id kind);

#endif
