/* SPDX-License-Identifier: GPL-2.0-only */
/* Pools of zeroed huge pages, one a node. */
#ifndef ASHLAR_POOL_H
#define ASHLAR_POOL_H

#include <linux/types.h>

struct numa;
struct page;

int pool_init(void);
void pool_exit(void);
struct page *pool_take(struct numa *node);
void pool_give(struct numa *node, struct page *page);
bool pool_is_low(const struct numa *node);
void pool_size_targets(struct numa *node);
void pool_set_target(struct numa *node, unsigned long want);
unsigned long pool_drain(struct numa *node, unsigned long nr_hunks);
s64 pool_total(void);

#endif /* ASHLAR_POOL_H */
