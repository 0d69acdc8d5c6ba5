/* SPDX-License-Identifier: GPL-2.0-only */
/* The status page. */
#ifndef ASHLAR_STATUS_H
#define ASHLAR_STATUS_H

#include <linux/types.h>

struct vm_area_struct;

int status_init(void);
void status_exit(void);
size_t status_len(void);
int status_mmap(struct vm_area_struct *vma);
void status_open(void);
void status_release(void);

#endif /* ASHLAR_STATUS_H */
