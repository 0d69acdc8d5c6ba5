/* SPDX-License-Identifier: GPL-2.0-only */
/* One hunk of address space: finding, detaching and clearing its pages. */
#ifndef ASHLAR_SLOT_H
#define ASHLAR_SLOT_H

#include <linux/bitmap.h>

#include "region.h"

struct page;

/**
 * struct overlay - base pages of a slot
 * @nr: how many
 * @seen: subpages of the slot's huge page that may be mapped, read-only
 * @pages: HUNK_NR entries
 *
 * Guarded by the slot mutex.
 */
struct overlay {
	unsigned int nr;
	struct page **pages;
	unsigned long seen[BITS_TO_LONGS(HUNK_NR)];
};

struct overlay *overlay_create(void);
void overlay_free(struct overlay *overlay);
void overlay_set(struct overlay *overlay, unsigned long sub,
		 struct page *page);

static inline bool slot_is_hole(const struct slot *slot)
{
	return !slot->huge && !slot->overlay;
}

void slot_drop_empty_overlay(struct slot *slot);
struct page *slot_page(const struct slot *slot, unsigned long sub);
bool slot_is_shared(const struct slot *slot);
void slots_zap(struct region *region, unsigned long idx, unsigned long nr);
void slot_zap(struct region *region, unsigned long idx);
void slot_zap_page(struct region *region, unsigned long idx,
		   unsigned long sub);
void page_settle(struct page *page);
void slot_settle(const struct slot *slot);
void slot_clear(struct client *client, struct slot *slot);

#endif /* ASHLAR_SLOT_H */
