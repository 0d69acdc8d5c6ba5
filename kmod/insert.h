/* SPDX-License-Identifier: GPL-2.0-only */
/* Base pages put into the page table by hand. */
#ifndef ASHLAR_INSERT_H
#define ASHLAR_INSERT_H

#include <linux/mm_types.h>

int insert_pages_prot(struct vm_area_struct *vma, unsigned long addr,
		      struct page **pages, unsigned long nr, pgprot_t prot);
int insert_page_writable(struct vm_area_struct *vma, unsigned long addr,
			 struct page *page);

#endif /* ASHLAR_INSERT_H */
