// SPDX-License-Identifier: GPL-2.0-only
/*
 * Base pages back into one huge page.
 *
 * fold: the overlay of a huge page that is shared no more is copied back into
 * it.  Takes no memory, copies only what was written meanwhile.
 * collapse: a slot of base pages alone gets a huge page.
 *
 * Both leave the page table as it is, so the slot stays mapped by base pages
 * until remap.c has moved the table away.  Both run with the slot mutex alone,
 * from calls and from the background.
 */
#include "fold.h"

#include <linux/sched.h>

#include "client.h"
#include "compat.h"
#include "page.h"
#include "region.h"
#include "slot.h"
#include "stats.h"
#include "trace.h"

/*
 * Page by page: one that is pinned, still shared, or on its way through a
 * per-CPU batch stays for the next time.
 */
static void fold_page(struct region *region, struct slot *slot,
		      unsigned long sub, struct fold_result *result)
{
	struct page *page = slot->overlay->pages[sub];

	if (page_is_shared(page) || !page_is_idle(page)) {
		result->busy++;
		return;
	}
	page_copy(nth_page(slot->huge, sub), page);
	overlay_set(slot->overlay, sub, NULL);
	page_unuse(region->family->client, page);
	result->pages++;
}

/**
 * fold_slot() - copy an overlay back into its huge page
 * @region: the region
 * @idx: number of the slot; its mutex is held
 * @result: added to
 */
void fold_slot(struct region *region, unsigned long idx,
	       struct fold_result *result)
{
	struct slot *slot = &region->slots[idx];
	u64 pages = result->pages, busy = result->busy;
	unsigned long sub;

	if (!slot->huge || !slot->overlay)
		return;
	if (page_is_shared(slot->huge)) {
		result->shared++;
		return;
	}
	slot_settle(slot);
	slot_zap(region, idx);
	for (sub = 0; sub < HUNK_NR; sub++)
		if (slot->overlay->pages[sub])
			fold_page(region, slot, sub, result);
	stat_add(STAT_fold_pages, result->pages - pages);
	stat_add(STAT_fold_busy, result->busy - busy);
	if (slot->overlay->nr)
		return;
	overlay_free(slot->overlay);
	slot->overlay = NULL;
	result->done++;
	stat_inc(STAT_folded);
	trace_ashlar_fold(region, idx, result->pages - pages);
}

/**
 * fold_region() - fold what can be folded, from the background
 * @region: with a reference
 */
void fold_region(struct region *region)
{
	struct fold_result result = {};
	unsigned long idx;

	for (idx = 0; idx < region->nr_slots; idx++) {
		/* Looked at again under the mutex: a miss waits a while. */
		if (!READ_ONCE(region->slots[idx].overlay))
			continue;
		mutex_lock(slot_lock(region, idx));
		fold_slot(region, idx, &result);
		mutex_unlock(slot_lock(region, idx));
		cond_resched();
	}
}

/**
 * overlay_is_idle() - whether nobody else holds any of its pages
 * @overlay: its slot's mutex is held, and the slot is zapped
 */
bool overlay_is_idle(const struct overlay *overlay)
{
	unsigned long sub;

	for (sub = 0; sub < HUNK_NR; sub++)
		if (overlay->pages[sub] && (page_is_shared(overlay->pages[sub]) ||
					    !page_is_idle(overlay->pages[sub])))
			return false;
	return true;
}

/* @huge reads as zeroes, nobody else has it. */
static void collapse_into(struct region *region, struct slot *slot,
			  struct page *huge, struct fold_result *result)
{
	struct client *client = region->family->client;
	struct overlay *overlay = slot->overlay;
	unsigned long sub;

	for (sub = 0; sub < HUNK_NR; sub++) {
		if (!overlay->pages[sub])
			continue;
		page_copy(nth_page(huge, sub), overlay->pages[sub]);
		page_unuse(client, overlay->pages[sub]);
		result->pages++;
	}
	overlay_free(overlay);
	slot->overlay = NULL;
	slot->huge = huge;
	slot->flags &= ~SLOT_BROKEN;
	page_attached(huge);
}

/**
 * collapse_slot() - a huge page for a slot of base pages
 * @region: the region
 * @idx: number of the slot; its mutex is held
 * @place: where the huge page should come from
 * @want: how
 * @takes_sparse: also if some base pages were never touched
 * @result: added to
 */
void collapse_slot(struct region *region, unsigned long idx,
		   const struct place *place, enum want want,
		   bool takes_sparse, struct fold_result *result)
{
	struct slot *slot = &region->slots[idx];
	struct client *client = region->family->client;
	struct page *huge;
	int err;

	if (!slot->overlay || slot->huge ||
	    (!takes_sparse && slot->overlay->nr < HUNK_NR))
		return;
	huge = hpage_alloc(client, place, want | WANT_ZERO | WANT_FORCE, &err);
	if (!huge) {
		result->nomem++;
		return;
	}
	slot_settle(slot);
	slot_zap(region, idx);
	if (!overlay_is_idle(slot->overlay)) {
		page_cancel(client, huge);
		result->busy++;
		return;
	}
	collapse_into(region, slot, huge, result);
	result->done++;
	stat_inc(STAT_collapsed);
	trace_ashlar_collapse(region, idx);
}
