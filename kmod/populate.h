/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory attached ahead of its first touch. */
#ifndef ASHLAR_POPULATE_H
#define ASHLAR_POPULATE_H

#include <linux/types.h>

int populate_range(u64 addr, u64 len, u32 flags, u64 *ret_done, u64 *ret_new);

#endif /* ASHLAR_POPULATE_H */
