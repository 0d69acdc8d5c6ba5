/* SPDX-License-Identifier: GPL-2.0-only */
/* The VMA operations of a region, and the two states they come in. */
#ifndef ASHLAR_VMA_H
#define ASHLAR_VMA_H

#include <linux/mm_types.h>

#include "failpoint.h"

struct region;

/*
 * Ops of a region that shares nothing: writes are never checked, and pages may
 * be pinned for long.  And ops of one that may share, by fork: page tables start
 * read-only and .page_mkwrite has the last word.
 */
extern const struct vm_operations_struct vma_private_ops, vma_cow_ops;

static inline bool vma_is_ashlar(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &vma_private_ops ||
	       vma->vm_ops == &vma_cow_ops || trap_is_vma_ops(vma->vm_ops);
}

static inline bool vma_is_cow(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &vma_cow_ops;
}

void vma_set_private(struct vm_area_struct *vma);
void vma_set_cow(struct vm_area_struct *vma);
void region_walk_vmas(struct region *region,
		      void (*fn)(struct vm_area_struct *vma));
void vma_mmap(struct vm_area_struct *vma, struct region *region,
	      struct file *file);

#endif /* ASHLAR_VMA_H */
