/* SPDX-License-Identifier: GPL-2.0-only */
/* The page cache that every handed-out page is parked in. */
#ifndef ASHLAR_PARK_H
#define ASHLAR_PARK_H

#include <linux/gfp_types.h>

struct address_space;
struct page;
struct super_block;

int park_init(struct super_block *sb);
void park_exit(void);
int park_page(struct page *page, gfp_t gfp);
void unpark_page(struct page *page);
bool park_owns(const struct address_space *mapping);
int park_refs(struct page *page);

#endif /* ASHLAR_PARK_H */
