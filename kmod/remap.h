/* SPDX-License-Identifier: GPL-2.0-only */
/* The PMD mapping back: mremap() by ticket. */
#ifndef ASHLAR_REMAP_H
#define ASHLAR_REMAP_H

#include <linux/types.h>

struct vm_area_struct;

int remap_ticket(u64 addr, u64 len);
int remap_vma(struct vm_area_struct *vma);
int remap_unshare(u64 addr, u64 len, u64 *ret_shared);

#endif /* ASHLAR_REMAP_H */
