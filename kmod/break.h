/* SPDX-License-Identifier: GPL-2.0-only */
/* Huge pages given back whole, and moved between nodes. */
#ifndef ASHLAR_BREAK_H
#define ASHLAR_BREAK_H

#include <linux/types.h>

struct place;
struct region;

int break_slot(struct region *region, unsigned long idx,
	       const struct place *place, const unsigned long *live,
	       u64 *nr_pages);
int move_slot(struct region *region, unsigned long idx,
	      const struct place *place);
int slot_node(const struct region *region, unsigned long idx);

#endif /* ASHLAR_BREAK_H */
