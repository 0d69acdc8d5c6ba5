// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to memory that fork shares.
 *
 * By default the written base page alone is copied, into an overlay that goes
 * before the shared huge page.  Once the relative is gone the overlay is copied
 * back (fold.c), and the huge page is whole again: the copies made are those of
 * anonymous memory, without losing the huge page for good.  When the writes run
 * on from page to page, and a pool has a huge page to spare, the whole is copied
 * after all.  The policy can ask for always or never.
 */
#include "fault.h"

#include <linux/sched.h>

#include "compat.h"
#include "fold.h"
#include "insert.h"
#include "numa.h"
#include "page.h"
#include "region.h"
#include "slot.h"
#include "stats.h"
#include "trace.h"

/*
 * So many base pages in a row are a run: an eighth of a hunk.  Writes at random
 * hardly make one before 15 of 16 pages are written, so that they copy no more
 * than anonymous memory does.  Looked for only so often.
 */
#define RUN_NR 64UL
#define RUN_STEP 16UL

/* The slot's huge page is shown by base page from now on. */
static int cow_open_overlay(struct fault *fault)
{
	struct slot *slot = fault->slot;
	struct overlay *overlay = overlay_create();

	if (!overlay)
		return -ENOMEM;
	/* It may be mapped read-only by one PMD. */
	page_settle(slot->huge);
	slot_zap(fault->region, fault->idx);
	slot->overlay = overlay;
	slot->flags |= SLOT_PTE;
	return 0;
}

/* Takes the old page out of the way of the new one. */
static void cow_replace(struct fault *fault, struct page *old,
			struct page *page)
{
	struct overlay *overlay = fault->slot->overlay;
	bool is_huge = PageCompound(old);

	overlay_set(overlay, fault->sub, page);
	if (!is_huge) {
		page_settle(old);
		slot_zap_page(fault->region, fault->idx, fault->sub);
		page_unuse(fault->region->family->client, old);
	} else if (__test_and_clear_bit(fault->sub, overlay->seen)) {
		/*
		 * Subpages of a broken slot are mapped under the slot mutex
		 * only (fault_insert()): no fault is in flight.
		 */
		slot_zap_page(fault->region, fault->idx, fault->sub);
	}
}

static vm_fault_t cow_base(struct fault *fault, struct page *old)
{
	struct region *region = fault->region;
	struct vm_fault *vmf = fault->vmf;
	struct place place;
	struct page *page;
	int err;

	if (!fault->slot->overlay) {
		err = cow_open_overlay(fault);
		if (err)
			return fault_error(err);
	}
	place_choose(&place, &region->policy, vmf->vma, fault->idx);
	page = spage_alloc(region->family->client, &place, WANT_FORCE,
			   &err);
	if (!page)
		return fault_error(err);
	page_copy(page, old);
	cow_replace(fault, old, page);
	stat_inc(STAT_cow_base);
	stat_add(STAT_cow_bytes, PAGE_SIZE);
	trace_ashlar_cow(region, fault->idx, 1);
	err = insert_page_writable(vmf->vma, vmf->address & PAGE_MASK, page);
	return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_NOPAGE;
}

/* Return: whether there was a huge page to copy to. */
static bool cow_huge(struct fault *fault)
{
	struct region *region = fault->region;
	struct client *client = region->family->client;
	struct page *page, *old = fault->slot->huge;
	struct place place;
	int err;

	place_choose(&place, &region->policy, fault->vmf->vma, fault->idx);
	page = hpage_alloc(client, &place, WANT_FORCE, &err);
	if (!page)
		return false;
	hpage_copy(page, old);
	fault->slot->huge = page;
	page_attached(page);
	page_settle(old);
	slot_zap(region, fault->idx);
	page_unuse(client, old);
	stat_inc(STAT_cow_huge);
	stat_add(STAT_cow_bytes, HUNK_SIZE);
	trace_ashlar_cow(region, fault->idx, HUNK_NR);
	return true;
}

static bool ends_run(const struct fault *fault)
{
	const struct overlay *overlay = fault->slot->overlay;
	unsigned long sub = fault->sub, i;

	if (!overlay || sub < RUN_NR || sub % RUN_STEP)
		return false;
	for (i = 1; i <= RUN_NR; i++)
		if (!overlay->pages[sub - i])
			return false;
	return true;
}

/* Whether the pool can do without one. */
static bool can_spare(const struct place *place)
{
	const struct numa *node = numa_find(place->nid);

	return READ_ONCE(node->nr_pages) && !numa_under_pressure(node);
}

/* What the slot reads goes into a huge page of its own. */
static void cow_move_in(struct fault *fault, struct page *page)
{
	struct client *client = fault->region->family->client;
	struct slot *slot = fault->slot;
	struct slot old = { .huge = slot->huge, .overlay = slot->overlay };
	unsigned long sub;

	for (sub = 0; sub < HUNK_NR; sub++) {
		page_copy(nth_page(page, sub), slot_page(slot, sub));
		cond_resched();
	}
	slot->huge = page;
	slot->overlay = NULL;
	page_attached(page);
	slot_clear(client, &old);
	stat_inc(STAT_cow_dense);
	stat_add(STAT_cow_bytes, HUNK_SIZE);
	trace_ashlar_cow(fault->region, fault->idx, HUNK_NR);
}

/* Return: whether the slot is its own now, and mapped nowhere. */
static bool cow_dense(struct fault *fault)
{
	struct region *region = fault->region;
	struct slot *slot = fault->slot;
	struct place place;
	struct page *page;
	int err;

	place_choose(&place, &region->policy, fault->vmf->vma, fault->idx);
	if (!can_spare(&place))
		return false;
	page = hpage_alloc(region->family->client, &place,
			   WANT_POOL | WANT_FORCE, &err);
	if (!page)
		return false;
	slot_settle(slot);
	slot_zap(region, fault->idx);
	if (!overlay_is_idle(slot->overlay)) {
		page_cancel(region->family->client, page);
		return false;
	}
	cow_move_in(fault, page);
	return true;
}

/**
 * cow_break() - give the slot a copy of its own of a shared page
 * @fault: a write; the slot mutex is held
 * @page: the shared page, in the slot's overlay or of its huge page
 *
 * Return: VM_FAULT_NOPAGE if the copy is mapped; VM_FAULT_LOCKED with the page
 * in vmf->page if the core should map it; or an error.
 */
vm_fault_t cow_break(struct fault *fault, struct page *page)
{
	struct vm_fault *vmf = fault->vmf;
	u32 policy = fault->region->policy.cow;
	bool wants_huge = policy == ASHLAR_COW_HUGE && !fault->slot->overlay;

	/* The next fault maps what this one made. */
	if (policy == ASHLAR_COW_AUTO && PageCompound(page) &&
	    ends_run(fault) && cow_dense(fault))
		return VM_FAULT_NOPAGE;
	if (!wants_huge || !cow_huge(fault))
		return cow_base(fault, page);
	vmf->page = nth_page(fault->slot->huge, fault->sub);
	get_page(vmf->page);
	lock_page(vmf->page);
	return VM_FAULT_LOCKED;
}
