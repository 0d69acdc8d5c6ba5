/* SPDX-License-Identifier: GPL-2.0-only */
/* What fork() does to a region. */
#ifndef ASHLAR_FORK_H
#define ASHLAR_FORK_H

struct vm_area_struct;

void vma_open(struct vm_area_struct *vma);

#endif /* ASHLAR_FORK_H */
