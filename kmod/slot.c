// SPDX-License-Identifier: GPL-2.0-only
/*
 * One hunk of address space: finding, detaching and clearing its pages.
 *
 * The rule for everybody who takes a page out of a slot, under the slot mutex:
 * detach it, settle it, zap it, and only then let go of it.  A fault hands its
 * page to the core locked, having locked it under the slot mutex.  So once the
 * detacher has had the page's lock, no fault that still saw the page there is on
 * its way, and the zap is final.
 */
#include "slot.h"

#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include "failpoint.h"
#include "page.h"

/**
 * overlay_create() - room for the base pages of a slot
 *
 * Return: empty, or NULL if there is no memory.
 */
struct overlay *overlay_create(void)
{
	struct overlay *overlay;

	if (should_fail_at(FAIL_META))
		return NULL;
	overlay = kzalloc(sizeof(*overlay), GFP_KERNEL_ACCOUNT);
	if (!overlay)
		return NULL;
	if (!should_fail_at(FAIL_META))
		overlay->pages = kcalloc(HUNK_NR, sizeof(*overlay->pages),
					 GFP_KERNEL_ACCOUNT);
	if (!overlay->pages) {
		kfree(overlay);
		return NULL;
	}
	return overlay;
}

/**
 * overlay_free() - free the room; the pages are gone, or somebody else's
 * @overlay: may be NULL
 */
void overlay_free(struct overlay *overlay)
{
	if (!overlay || trap_open(TRAP_LEAK))
		return;
	kfree(overlay->pages);
	kfree(overlay);
}

/**
 * overlay_set() - put a page into an overlay, or take it out
 * @overlay: the overlay
 * @sub: which base page of the hunk
 * @page: the page, or NULL; what was there before is the caller's
 */
void overlay_set(struct overlay *overlay, unsigned long sub, struct page *page)
{
	overlay->nr += !!page - !!overlay->pages[sub];
	overlay->pages[sub] = page;
}

/**
 * slot_drop_empty_overlay() - be a hole again, if no base page came
 * @slot: its mutex is held
 *
 * An empty overlay would keep a huge page out later.
 */
void slot_drop_empty_overlay(struct slot *slot)
{
	if (!slot->overlay || slot->overlay->nr || slot->huge)
		return;
	overlay_free(slot->overlay);
	slot->overlay = NULL;
}

/**
 * slot_page() - what a base page of the slot reads
 * @slot: its mutex is held
 * @sub: which base page
 *
 * Return: the page, or NULL for zeroes.
 */
struct page *slot_page(const struct slot *slot, unsigned long sub)
{
	if (slot->overlay && slot->overlay->pages[sub])
		return slot->overlay->pages[sub];
	return slot->huge ? nth_page(slot->huge, sub) : NULL;
}

/**
 * slot_is_shared() - whether a relative uses any of it
 * @slot: its mutex is held
 */
bool slot_is_shared(const struct slot *slot)
{
	unsigned long sub;

	if (slot->huge && page_is_shared(slot->huge))
		return true;
	if (!slot->overlay)
		return false;
	for (sub = 0; sub < HUNK_NR; sub++)
		if (slot->overlay->pages[sub] &&
		    page_is_shared(slot->overlay->pages[sub]))
			return true;
	return false;
}

static void zap(struct region *region, unsigned long pgoff, unsigned long len)
{
	/* A relative's page tables go too; it faults its own page in again. */
	unmap_mapping_range(region->family->inode->i_mapping,
			    (loff_t)pgoff << PAGE_SHIFT, len, 1);
}

/**
 * slots_zap() - unmap slots that lie side by side and have no overlay now
 * @region: the region
 * @idx: number of the first
 * @nr: how many
 */
void slots_zap(struct region *region, unsigned long idx, unsigned long nr)
{
	zap(region, region->base + idx * HUNK_NR, nr * HUNK_SIZE);
}

/**
 * slot_zap() - unmap a whole slot
 * @region: the region
 * @idx: number of the slot; its mutex is held
 */
void slot_zap(struct region *region, unsigned long idx)
{
	struct overlay *overlay = region->slots[idx].overlay;

	if (overlay)
		bitmap_zero(overlay->seen, HUNK_NR);
	zap(region, region->base + idx * HUNK_NR, HUNK_SIZE);
}

/**
 * slot_zap_page() - unmap a base page
 * @region: the region
 * @idx: number of the slot; its mutex is held
 * @sub: which base page of it
 */
void slot_zap_page(struct region *region, unsigned long idx, unsigned long sub)
{
	zap(region, region->base + idx * HUNK_NR + sub, PAGE_SIZE);
}

/**
 * page_settle() - wait for faults that are about to map a page
 * @page: not in its slot any more, or the slot mutex is held until the zap
 */
void page_settle(struct page *page)
{
	if (trap_open(TRAP_INFLIGHT))
		return;
	lock_page(page);
	unlock_page(page);
}

/**
 * slot_settle() - the same for all pages of a slot
 * @slot: as it was when detached
 */
void slot_settle(const struct slot *slot)
{
	unsigned long sub;

	if (slot->huge)
		page_settle(slot->huge);
	if (!slot->overlay)
		return;
	for (sub = 0; sub < HUNK_NR; sub++)
		if (slot->overlay->pages[sub])
			page_settle(slot->overlay->pages[sub]);
}

/**
 * slot_clear() - let go of all pages
 * @client: of the region
 * @slot: detached, settled and zapped, or of a region without VMAs
 */
void slot_clear(struct client *client, struct slot *slot)
{
	unsigned long sub;

	if (slot->huge)
		page_unuse(client, slot->huge);
	slot->huge = NULL;
	slot->flags = 0;
	if (!slot->overlay)
		return;
	for (sub = 0; sub < HUNK_NR; sub++)
		if (slot->overlay->pages[sub])
			page_unuse(client, slot->overlay->pages[sub]);
	overlay_free(slot->overlay);
	slot->overlay = NULL;
}
