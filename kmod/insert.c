// SPDX-License-Identifier: GPL-2.0-only
/*
 * Base pages put into the page table by hand, under the slot mutex.
 *
 * Used where the core would do something else (map a whole huge page that an
 * overlay must shadow), or the same at a higher price.  The pages are counted
 * and rmapped as the core's are.
 *
 * vm_insert_pages() insists on VM_MIXEDMAP, and that flag on the real VMA would
 * make zapping a huge page forget its rmap and its reference.  The function
 * looks at the bounds, mm, flags and protection only: it is shown a copy.
 */
#include "insert.h"

#include <linux/mm.h>

#include "compat.h"
#include "failpoint.h"
#include "stats.h"

/**
 * insert_pages_prot() - map base pages
 * @vma: kept still by the caller
 * @addr: where the first one goes; all fit in the VMA and one page table
 * @pages: the pages
 * @nr: how many
 * @prot: protection
 *
 * The caller knows that no huge entry is there.  Stops at an entry in use.
 *
 * Return: 0 if the first page is mapped now or was, -ENOMEM, or -EFAULT.
 */
int insert_pages_prot(struct vm_area_struct *vma, unsigned long addr,
		      struct page **pages, unsigned long nr, pgprot_t prot)
{
	struct vm_area_struct copy;
	unsigned long left = nr;
	int err;

	if (should_fail_at(FAIL_MAP))
		return -ENOMEM;
	memcpy((void *)&copy, vma, sizeof(copy));
	vma_copy_flags_set(&copy, VM_MIXEDMAP);
	copy.vm_page_prot = prot;
	err = vm_insert_pages(&copy, addr, pages, &left);
	stat_add(STAT_around, nr - left);
	return err == -EBUSY || left < nr ? 0 : err;
}

/**
 * insert_page_writable() - map a base page that is the slot's alone
 * @vma: kept still by the caller
 * @addr: where
 * @page: the page
 *
 * Return: as insert_pages_prot().
 */
int insert_page_writable(struct vm_area_struct *vma, unsigned long addr,
			 struct page *page)
{
	return insert_pages_prot(vma, addr, &page, 1,
				 vm_get_page_prot(vma->vm_flags));
}
