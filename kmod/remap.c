// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way back after fork: the PMD mapping, and the private ops.
 *
 * A page table once made stays, and with it the mapping by base pages, even when
 * the slot is one huge page again.  mremap(MREMAP_DONTUNMAP) by the process
 * moves the table to a scratch range and leaves the VMA whole and empty; the
 * next fault finds no table and maps by PMD.  Regions refuse mremap() otherwise:
 * a ticket lets one thread do it once.  Until then nothing keeps the VMA from
 * growing in place, unasked (6.12): calls and faults end where the region does.
 *
 * The alias at the scratch range maps the region's pages until the caller maps
 * something over it.  It takes no faults (fault_locate()), no fork inherits it,
 * and zaps reach it, since it has the region's file and page offsets.
 */
#include "remap.h"

#include <linux/mm.h>
#include <linux/sched.h>

#include "compat.h"
#include "failpoint.h"
#include "range.h"
#include "region.h"
#include "slot.h"
#include "stats.h"
#include "trace.h"
#include "vma.h"

/**
 * remap_ticket() - let the current thread mremap() a range once
 * @addr: start
 * @len: length in bytes; within one VMA
 *
 * Return: 0, -EINVAL, -EFAULT or -EINTR.
 */
int remap_ticket(u64 addr, u64 len)
{
	struct vm_area_struct *vma;
	struct region *region;
	int err = range_check(addr, len);

	if (err)
		return err;
	if (mmap_write_lock_killable(current->mm))
		return -EINTR;
	err = range_check_mapped(addr, len);
	if (err)
		goto unlock;
	region = region_at(current->mm, addr, &vma);
	if (region_vma_end(region, vma) < addr + len) {
		err = -EFAULT;
		goto unlock;
	}
	region->ticket.task = current;
	region->ticket.pgoff = addr >> PAGE_SHIFT;
	region->ticket.nr_pages = len >> PAGE_SHIFT;
	/* mremap() refuses a VMA that has it; remap_vma() puts it back. */
	vm_flags_clear(vma, VM_DONTEXPAND);
unlock:
	mmap_write_unlock(current->mm);
	return err;
}

static bool ticket_is_good(const struct ticket *ticket,
			   struct vm_area_struct *vma)
{
	return ticket->task == current && ticket->pgoff == vma->vm_pgoff &&
	       ticket->nr_pages == vma_pages(vma);
}

/* The page table of these slots is gone. */
static void slots_forget_table(struct region *region, unsigned long pgoff,
			       unsigned long nr_pages)
{
	unsigned long idx = (pgoff - region->base) / HUNK_NR;
	unsigned long end = idx + nr_pages / HUNK_NR;

	for (; idx < end; idx++) {
		mutex_lock(slot_lock(region, idx));
		if (!region->slots[idx].overlay)
			region->slots[idx].flags &= ~SLOT_PTE;
		mutex_unlock(slot_lock(region, idx));
	}
}

/**
 * remap_vma() - .mremap: the page tables have moved to a new VMA
 * @vma: the new one; the mmap lock is held for writing
 *
 * Return: 0, or -EINVAL, on which the core moves everything back.
 */
int remap_vma(struct vm_area_struct *vma)
{
	struct region *region = vma->vm_private_data;
	struct vm_area_struct *old;

	if (!region)
		return -EINVAL;
	old = find_vma(vma->vm_mm, vma->vm_pgoff << PAGE_SHIFT);
	if (vma_region(old) == region)
		vm_flags_set(old, VM_DONTEXPAND);
	if (!ticket_is_good(&region->ticket, vma) && !trap_open(TRAP_TICKET))
		return -EINVAL;
	region->ticket.task = NULL;
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTDUMP | VM_DONTEXPAND);
	slots_forget_table(region, vma->vm_pgoff, vma_pages(vma));
	stat_inc(STAT_remaps);
	trace_ashlar_remap(region, vma->vm_pgoff, vma_pages(vma));
	return 0;
}

static u64 region_nr_shared(struct region *region)
{
	unsigned long idx;
	struct slot *slot;
	u64 nr = 0;

	for (idx = 0; idx < region->nr_slots; idx++) {
		slot = &region->slots[idx];
		mutex_lock(slot_lock(region, idx));
		if (slot_is_shared(slot) || (slot->huge && slot->overlay))
			nr++;
		mutex_unlock(slot_lock(region, idx));
		cond_resched();
	}
	return nr;
}

static void vma_lock_and_set_private(struct vm_area_struct *vma)
{
	vma_start_write(vma);
	vma_set_private(vma);
}

/**
 * remap_unshare() - back to the private ops, where nothing is shared
 * @addr: start of the range; all regions that it touches are meant
 * @len: length in bytes
 * @ret_shared: slots that stand in the way
 *
 * A slot with both a huge page and an overlay stands in the way too: its
 * read-only entries must not become writable unseen.
 *
 * Return: 0, -EBUSY if slots stand in the way, -EINVAL, -EFAULT or -EINTR.
 */
int remap_unshare(u64 addr, u64 len, u64 *ret_shared)
{
	struct region *region;
	u64 at, nr, end = addr + len;
	int err = range_check(addr, len);

	if (err)
		return err;
	if (mmap_write_lock_killable(current->mm))
		return -EINTR;
	err = range_check_mapped(addr, len);
	for (at = addr; !err && at < end; at = region_end(region)) {
		region = region_at(current->mm, at, NULL);
		if (!region) {
			err = -EFAULT;
			break;
		}
		nr = region_nr_shared(region);
		*ret_shared += nr;
		if (!nr)
			region_walk_vmas(region, vma_lock_and_set_private);
	}
	mmap_write_unlock(current->mm);
	return err ?: *ret_shared ? -EBUSY : 0;
}
