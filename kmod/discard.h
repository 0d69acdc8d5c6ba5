/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory given back. */
#ifndef ASHLAR_DISCARD_H
#define ASHLAR_DISCARD_H

#include <linux/types.h>

struct file;
struct region;

void discard_slot(struct region *region, unsigned long idx);
int discard_range(u64 addr, u64 len, u64 *ret_done);
long discard_fallocate(struct file *file, int mode, loff_t pos, loff_t len);

#endif /* ASHLAR_DISCARD_H */
