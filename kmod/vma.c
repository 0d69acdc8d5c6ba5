// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMA operations of a region.
 *
 * A VMA starts with the private ops.  fork() changes both sides to the cow ops,
 * with every VMA of the region write-locked, and ASHLAR_IOC_UNSHARE changes
 * back.  Having .page_mkwrite at all forbids long-term pins, hence two sets.
 */
#include "vma.h"

#include <linux/file.h>
#include <linux/mm.h>

#include "compat.h"
#include "failpoint.h"
#include "fault.h"
#include "fork.h"
#include "region.h"
#include "remap.h"

/*
 * Without .map_pages newer kernels retry every fault under the mmap lock.
 * There is nothing to map around here; fault.c does it where it pays.
 */
static vm_fault_t vma_map_pages(struct vm_fault *vmf, pgoff_t start,
				pgoff_t end)
{
	return 0;
}

static void vma_close(struct vm_area_struct *vma)
{
	if (vma->vm_private_data)
		region_close(vma->vm_private_data);
}

const struct vm_operations_struct vma_private_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = fault_handle,
	.map_pages = vma_map_pages,
	.mremap = remap_vma,
	.get_policy = vma_get_policy,
};

const struct vm_operations_struct vma_cow_ops = {
	.open = vma_open,
	.close = vma_close,
	.fault = fault_handle,
	.map_pages = vma_map_pages,
	.page_mkwrite = fault_mkwrite,
	.mremap = remap_vma,
	.get_policy = vma_get_policy,
};

/**
 * vma_set_private() - the region of this VMA shares nothing
 * @vma: write-locked
 */
void vma_set_private(struct vm_area_struct *vma)
{
	vma->vm_ops = &vma_private_ops;
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
}

/**
 * vma_set_cow() - the region of this VMA may share: check every write
 * @vma: write-locked
 */
void vma_set_cow(struct vm_area_struct *vma)
{
	vma->vm_ops = &vma_cow_ops;
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags & ~VM_SHARED);
}

/**
 * region_walk_vmas() - all VMAs of a region; mprotect() may have split it
 * @region: of current->mm, whose mmap lock is held
 * @fn: called for each, aliases of mremap() excepted
 */
void region_walk_vmas(struct region *region,
		      void (*fn)(struct vm_area_struct *vma))
{
	unsigned long addr = region_addr(region, 0);
	struct vm_area_struct *vma;

	while (addr < region_end(region)) {
		vma = find_vma(current->mm, addr);
		if (!vma || vma->vm_start >= region_end(region))
			return;
		if (vma_region(vma) == region)
			fn(vma);
		addr = vma->vm_end;
	}
}

/**
 * vma_mmap() - make a VMA a region's
 * @vma: under construction by mmap()
 * @region: new; the VMA owns it from here
 * @file: the family's
 */
void vma_mmap(struct vm_area_struct *vma, struct region *region,
	      struct file *file)
{
	vma_set_file(vma, file);
	vma->vm_private_data = region;
	if (trap_open(TRAP_MKWRITE))
		vma->vm_ops = &vma_cow_ops;
	else
		vma->vm_ops = trap_vma_ops(&vma_private_ops);
	vm_flags_set(vma, VM_DONTEXPAND);
}
