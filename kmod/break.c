// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages given back whole, and moved between nodes.
 *
 * Both replace the memory of a slot that is in use: the replacement is made
 * first, then the slot is settled and zapped.  From there on the slot mutex
 * keeps faults out and no page table shows the old page, so nobody can take a
 * new pin; if nobody has an old one, its contents stand still to be copied.
 *
 * Breaking moves the live base pages into small pages and frees the huge page
 * whole: unlike madvise(MADV_DONTNEED) on a part of a transparent huge page it
 * leaves no fragment behind.
 */
#include "break.h"

#include <linux/bitmap.h>

#include "client.h"
#include "compat.h"
#include "page.h"
#include "place.h"
#include "region.h"
#include "slot.h"
#include "stats.h"
#include "trace.h"

/* Undo of a replacement that was not used. */
static void overlay_cancel(struct client *client, struct overlay *overlay)
{
	unsigned long sub;

	for (sub = 0; sub < HUNK_NR; sub++)
		if (overlay->pages[sub])
			page_cancel(client, overlay->pages[sub]);
	overlay_free(overlay);
}

static struct overlay *overlay_for(struct client *client,
				   const struct place *place,
				   const unsigned long *live)
{
	struct overlay *overlay = overlay_create();
	struct page *page;
	unsigned long sub;
	int err;

	if (!overlay)
		return NULL;
	for_each_set_bit(sub, live, HUNK_NR) {
		page = spage_alloc(client, place, WANT_ERROR | WANT_FORCE,
				   &err);
		if (!page) {
			overlay_cancel(client, overlay);
			return NULL;
		}
		overlay_set(overlay, sub, page);
	}
	return overlay;
}

/* Nobody but this slot may have the huge page; checked after the zap. */
static bool slot_isolate_huge(struct region *region, unsigned long idx)
{
	struct slot *slot = &region->slots[idx];

	page_settle(slot->huge);
	slot_zap(region, idx);
	return page_is_idle(slot->huge);
}

/*
 * A slot that was broken before: the small pages that are not live go.  What a
 * relative or a pinner has of them it keeps.
 */
static int trim_slot(struct region *region, unsigned long idx,
		     const unsigned long *live)
{
	struct slot *slot = &region->slots[idx];
	struct slot gone = { .overlay = overlay_create() };
	struct page **pages = slot->overlay->pages;
	unsigned long sub;

	if (!gone.overlay)
		return -ENOMEM;
	for (sub = 0; sub < HUNK_NR; sub++) {
		if (!pages[sub] || test_bit(sub, live))
			continue;
		overlay_set(gone.overlay, sub, pages[sub]);
		overlay_set(slot->overlay, sub, NULL);
	}
	slot_settle(&gone);
	if (gone.overlay->nr)
		slot_zap(region, idx);
	slot_clear(region->family->client, &gone);
	slot_drop_empty_overlay(slot);
	if (slot_is_hole(slot))
		slot->flags &= SLOT_PTE;	/* the page table stays */
	return 0;
}

/**
 * break_slot() - move the live pages of a huge page out and free it
 * @region: the region
 * @idx: number of the slot; its mutex is held
 * @place: where the small pages should come from
 * @live: one bit a base page; the others read as zeroes afterwards
 * @nr_pages: base pages copied, added to
 *
 * Of a slot that was broken before, the small pages that are not live go.
 *
 * Return: 0; -ENOENT if there is no memory; -EBUSY if the huge page is shared or
 * pinned; -ENOMEM.
 */
int break_slot(struct region *region, unsigned long idx,
	       const struct place *place, const unsigned long *live,
	       u64 *nr_pages)
{
	struct slot *slot = &region->slots[idx];
	struct client *client = region->family->client;
	struct page *huge = slot->huge;
	struct overlay *overlay;
	unsigned long sub, nr;

	if (slot_is_hole(slot))
		return -ENOENT;
	if (!huge)
		return trim_slot(region, idx, live);
	if (slot->overlay || page_is_shared(huge))
		return -EBUSY;
	overlay = overlay_for(client, place, live);
	if (!overlay)
		return -ENOMEM;
	if (!slot_isolate_huge(region, idx)) {
		overlay_cancel(client, overlay);
		return -EBUSY;
	}
	for_each_set_bit(sub, live, HUNK_NR)
		page_copy(overlay->pages[sub], nth_page(huge, sub));
	nr = overlay->nr;
	slot->huge = NULL;
	if (nr) {
		slot->overlay = overlay;
		slot->flags |= SLOT_PTE | SLOT_BROKEN;
	} else {
		overlay_free(overlay);
	}
	page_unuse(client, huge);
	*nr_pages += nr;
	stat_inc(STAT_broken);
	trace_ashlar_break(region, idx, nr);
	return 0;
}

static int move_huge(struct region *region, unsigned long idx,
		     const struct place *place)
{
	struct slot *slot = &region->slots[idx];
	struct client *client = region->family->client;
	struct page *page, *old = slot->huge;
	int err;

	if (slot->overlay || page_is_shared(old))
		return -EACCES;
	page = hpage_alloc(client, place, WANT_ERROR | WANT_FORCE, &err);
	if (!page)
		return err;
	if (!slot_isolate_huge(region, idx)) {
		page_cancel(client, page);
		return -EBUSY;
	}
	hpage_copy(page, old);
	slot->huge = page;
	page_attached(page);
	page_unuse(client, old);
	return 0;
}

static int move_small(struct region *region, unsigned long idx,
		      unsigned long sub, const struct place *place)
{
	struct overlay *overlay = region->slots[idx].overlay;
	struct client *client = region->family->client;
	struct page *page, *old = overlay->pages[sub];
	int err;

	if (page_is_shared(old))
		return -EACCES;
	page = spage_alloc(client, place, WANT_ERROR | WANT_FORCE, &err);
	if (!page)
		return err;
	page_settle(old);
	slot_zap_page(region, idx, sub);
	if (!page_is_idle(old)) {
		page_cancel(client, page);
		return -EBUSY;
	}
	page_copy(page, old);
	overlay_set(overlay, sub, page);
	page_unuse(client, old);
	return 0;
}

static int move_smalls(struct region *region, unsigned long idx,
		       const struct place *place)
{
	struct overlay *overlay = region->slots[idx].overlay;
	unsigned long sub;
	int err, first = 0;

	for (sub = 0; sub < HUNK_NR; sub++) {
		if (!overlay->pages[sub] ||
		    page_to_nid(overlay->pages[sub]) == place->nid)
			continue;
		err = move_small(region, idx, sub, place);
		first = first ?: err;
	}
	return first;
}

/**
 * slot_node() - where the memory of a slot is
 * @region: the region
 * @idx: number of the slot; its mutex is held
 *
 * Return: node of the huge page, else of the first base page, else -1.
 */
int slot_node(const struct region *region, unsigned long idx)
{
	const struct slot *slot = &region->slots[idx];
	unsigned long sub;

	if (slot->huge)
		return page_to_nid(slot->huge);
	for (sub = 0; slot->overlay && sub < HUNK_NR; sub++)
		if (slot->overlay->pages[sub])
			return page_to_nid(slot->overlay->pages[sub]);
	return NUMA_NO_NODE;
}

/**
 * move_slot() - move the memory of a slot to another node
 * @region: the region
 * @idx: number of the slot; its mutex is held
 * @place: where to
 *
 * Return: 0; else why the first page that had to stay did, as move_pages(2) has
 * it: -EACCES if it is shared with another process, -EBUSY if it is pinned,
 * -ENOMEM if there is none there; -ENOENT for a hole.
 */
int move_slot(struct region *region, unsigned long idx,
	      const struct place *place)
{
	struct slot *slot = &region->slots[idx];
	int err;

	if (slot_is_hole(slot))
		return -ENOENT;
	if (slot->huge && page_to_nid(slot->huge) == place->nid)
		return 0;
	err = slot->huge ? move_huge(region, idx, place) :
			   move_smalls(region, idx, place);
	if (!err) {
		stat_inc(STAT_moved);
		trace_ashlar_move(region, idx, place->nid);
	}
	return err;
}
