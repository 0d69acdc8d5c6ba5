/* SPDX-License-Identifier: GPL-2.0-only */
/* Zeroes for a whole hunk, past the cache. */
#ifndef ASHLAR_CLEAR_H
#define ASHLAR_CLEAR_H

#include <linux/types.h>

struct page;

bool clear_is_ours(void);
void clear_hunk(struct page *page);

#endif /* ASHLAR_CLEAR_H */
