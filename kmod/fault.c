// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page faults: first touch, and mapping what is there.
 *
 * Runs under the mmap lock or, on newer kernels, the VMA lock alone.  A page is
 * handed to the core locked, having been locked under the slot mutex (slot.c
 * says why); the core then maps a whole hunk by one PMD where it can.
 *
 * Writes to shared memory are cow.c's.
 */
#include "fault.h"

#include <linux/pagemap.h>

#include "compat.h"
#include "failpoint.h"
#include "insert.h"
#include "page.h"
#include "region.h"
#include "slot.h"
#include "stats.h"
#include "trace.h"
#include "vma.h"

/* Neighbours mapped along with a base page: halves the cost of scans. */
#define AROUND_NR 16UL

static bool fault_locate(struct fault *fault, struct vm_fault *vmf)
{
	struct region *region = vmf->vma->vm_private_data;
	unsigned long off;

	/* NULL: a fork without memory.  Not congruent: mremap()'s alias. */
	if (!region || vmf->pgoff < region->base ||
	    vmf->address >> PAGE_SHIFT != vmf->pgoff)
		return false;
	off = vmf->pgoff - region->base;
	if (off / HUNK_NR >= region->nr_slots)
		return false;
	fault->vmf = vmf;
	fault->region = region;
	fault->idx = off / HUNK_NR;
	fault->sub = off % HUNK_NR;
	fault->slot = &region->slots[fault->idx];
	return true;
}

/**
 * fault_error() - what a fault says of an error
 * @err: -errno
 *
 * No memory is the OOM killer's business; a quota is the process's own.
 */
vm_fault_t fault_error(int err)
{
	return err == -EDQUOT ? VM_FAULT_SIGBUS : VM_FAULT_OOM;
}

static vm_fault_t fault_hand_out(struct fault *fault, struct page *page)
{
	get_page(page);
	fault->vmf->page = page;
	if (trap_open(TRAP_INFLIGHT))
		return 0;
	lock_page(page);
	return VM_FAULT_LOCKED;
}

static bool has_page_table(const struct vm_fault *vmf)
{
	pmd_t pmd = READ_ONCE(*vmf->pmd);

	return !pmd_none(pmd) && !pmd_trans_huge(pmd);
}

/* Whether the core must not, or need not, map the page itself. */
static bool fault_must_insert(const struct fault *fault, struct page *page)
{
	const struct slot *slot = fault->slot;

	/* The core would map the whole hunk and hide the overlay. */
	if (slot->overlay && PageCompound(page) && !trap_open(TRAP_HIDE))
		return true;
	return has_page_table(fault->vmf);
}

static unsigned long window_start(const struct fault *fault)
{
	unsigned long sub = round_down(fault->sub, AROUND_NR);
	unsigned long addr = region_addr(fault->region, fault->idx);
	unsigned long start = fault->vmf->vma->vm_start;

	return start > addr ? max(sub, (start - addr) >> PAGE_SHIFT) : sub;
}

static unsigned long window_end(const struct fault *fault)
{
	unsigned long sub = round_down(fault->sub, AROUND_NR) + AROUND_NR;
	unsigned long addr = region_addr(fault->region, fault->idx);
	unsigned long end = fault->vmf->vma->vm_end;

	return min3(sub, HUNK_NR, (end - addr) >> PAGE_SHIFT);
}

/* Maps [from, to) of the slot as far as pages are there. */
static int fault_insert_run(struct fault *fault, unsigned long from,
			    unsigned long to, pgprot_t prot)
{
	struct vm_area_struct *vma = fault->vmf->vma;
	struct slot *slot = fault->slot;
	struct page *pages[AROUND_NR];
	unsigned long nr;

	for (nr = 0; from + nr < to; nr++) {
		pages[nr] = slot_page(slot, from + nr);
		if (!pages[nr])
			break;
		if (slot->overlay && PageCompound(pages[nr]))
			__set_bit(from + nr, slot->overlay->seen);
	}
	if (!nr)
		return 0;
	return insert_pages_prot(vma, region_addr(fault->region, fault->idx) +
					      from * PAGE_SIZE,
				 pages, nr, prot);
}

static int fault_insert_around(struct fault *fault, pgprot_t prot)
{
	int err = fault_insert_run(fault, fault->sub, window_end(fault), prot);

	if (!err)
		fault_insert_run(fault, window_start(fault), fault->sub, prot);
	return err;
}

/* @page may be written if it is to be: it is not shared then. */
static vm_fault_t fault_insert(struct fault *fault, struct page *page)
{
	struct vm_fault *vmf = fault->vmf;
	bool is_checked = vmf->flags & FAULT_FLAG_WRITE && vma_is_cow(vmf->vma);
	int err;

	if (is_checked && !fault->slot->overlay) {
		/* Of one huge page that is not shared: neighbours may, too. */
		err = fault_insert_around(fault,
					  vm_get_page_prot(vmf->vma->vm_flags));
	} else if (is_checked) {
		/* A read-only entry may be there: it would stay. */
		if (fault->slot->overlay && PageCompound(page) &&
		    __test_and_set_bit(fault->sub, fault->slot->overlay->seen))
			slot_zap_page(fault->region, fault->idx, fault->sub);
		err = insert_page_writable(vmf->vma,
					   vmf->address & PAGE_MASK, page);
	} else {
		err = fault_insert_around(fault, vmf->vma->vm_page_prot);
	}
	return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_NOPAGE;
}

static vm_fault_t fault_map(struct fault *fault, struct page *page)
{
	if (fault_must_insert(fault, page))
		return fault_insert(fault, page);
	return fault_hand_out(fault, page);
}

/* A base page of zeroes, in a slot without a huge page. */
static vm_fault_t fault_small(struct fault *fault, const struct place *place)
{
	struct slot *slot = fault->slot;
	struct page *page;
	int err;

	if (!slot->overlay) {
		slot->overlay = overlay_create();
		if (!slot->overlay)
			return VM_FAULT_OOM;
		slot->flags |= SLOT_PTE;
	}
	page = spage_alloc(fault->region->family->client, place, WANT_ZERO,
			   &err);
	if (!page) {
		slot_drop_empty_overlay(slot);
		return fault_error(err);
	}
	overlay_set(slot->overlay, fault->sub, page);
	return fault_map(fault, page);
}

static vm_fault_t fault_hole(struct fault *fault)
{
	struct region *region = fault->region;
	struct place place;
	struct page *page;
	int err;

	/* A core dump shows holes as holes. */
	if (current->flags & PF_DUMPCORE && !trap_open(TRAP_DUMP))
		return VM_FAULT_SIGBUS;
	place_choose(&place, &region->policy, fault->vmf->vma, fault->idx);
	if (!fault->slot->overlay) {
		page = hpage_alloc(region->family->client, &place, WANT_ZERO,
				   &err);
		if (page) {
			fault->slot->huge = page;
			page_attached(page);
			return fault_map(fault, nth_page(page, fault->sub));
		}
		if (err == -EDQUOT)
			return fault_error(err);
		stat_inc(STAT_fallbacks);
	}
	return fault_small(fault, &place);
}

static vm_fault_t fault_slot(struct fault *fault)
{
	struct page *page = slot_page(fault->slot, fault->sub);

	if (!page)
		return fault_hole(fault);
	if (fault->vmf->flags & FAULT_FLAG_WRITE && page_is_shared(page))
		return cow_break(fault, page);
	return fault_map(fault, page);
}

/**
 * fault_handle() - .fault
 * @vmf: the core's
 */
vm_fault_t fault_handle(struct vm_fault *vmf)
{
	struct fault fault;
	struct mutex *lock;
	vm_fault_t ret;

	trap_count_fault(vmf->flags);
	if (!fault_locate(&fault, vmf))
		return VM_FAULT_SIGBUS;
	lock = slot_lock(fault.region, fault.idx);
	mutex_lock(lock);
	ret = fault_slot(&fault);
	mutex_unlock(lock);
	trace_ashlar_fault(vmf, ret);
	if (!(ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE)))
		trap_widen();
	return ret;
}

/**
 * fault_mkwrite() - .page_mkwrite: may this page be written where it is?
 * @vmf: the core's; its page was mapped, or handed out by .fault just now
 *
 * Return: VM_FAULT_LOCKED with the page locked under the slot mutex if so.
 * Else VM_FAULT_NOPAGE, having made it so or leaving it to the next fault.
 */
vm_fault_t fault_mkwrite(struct vm_fault *vmf)
{
	struct fault fault;
	struct mutex *lock;
	struct page *page;
	vm_fault_t ret = VM_FAULT_NOPAGE;

	if (!fault_locate(&fault, vmf))
		return VM_FAULT_SIGBUS;
	lock = slot_lock(fault.region, fault.idx);
	mutex_lock(lock);
	page = slot_page(fault.slot, fault.sub);
	if (page != vmf->page) {
		slot_zap_page(fault.region, fault.idx, fault.sub);
	} else if (page_is_shared(page)) {
		ret = cow_break(&fault, page);
		/* A new huge page is for .fault to map. */
		if (ret & VM_FAULT_LOCKED) {
			unlock_page(vmf->page);
			put_page(vmf->page);
			vmf->page = page;
			ret = VM_FAULT_NOPAGE;
		}
	} else {
		lock_page(page);
		stat_inc(STAT_cow_reused);
		ret = VM_FAULT_LOCKED;
	}
	mutex_unlock(lock);
	return ret;
}
