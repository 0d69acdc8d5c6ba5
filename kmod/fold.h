/* SPDX-License-Identifier: GPL-2.0-only */
/* Base pages back into one huge page. */
#ifndef ASHLAR_FOLD_H
#define ASHLAR_FOLD_H

#include <linux/types.h>

#include "page.h"

struct overlay;
struct region;

/**
 * struct fold_result - what a fold or a collapse did
 * @done: slots that became whole
 * @pages: base pages copied
 * @busy: base pages (fold) or slots (collapse) left because of pins or sharing
 * @shared: slots left because the huge page is shared
 * @nomem: slots left for want of a huge page
 */
struct fold_result {
	u64 done;
	u64 pages;
	u64 busy;
	u64 shared;
	u64 nomem;
};

bool overlay_is_idle(const struct overlay *overlay);
void fold_slot(struct region *region, unsigned long idx,
	       struct fold_result *result);
void fold_region(struct region *region);
void collapse_slot(struct region *region, unsigned long idx,
		   const struct place *place, enum want want,
		   bool takes_sparse, struct fold_result *result);

#endif /* ASHLAR_FOLD_H */
