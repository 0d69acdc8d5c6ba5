/* SPDX-License-Identifier: MIT */
/*
 * Which node heap a thread takes memory from, and where the kernel is told to
 * put that heap's pages: option "numa".
 */
#ifndef ASHLAR_HPHEAP_PLACE_H
#define ASHLAR_HPHEAP_PLACE_H

#include "base/bits.h"

void place_init(void);
unsigned int place_node(void);
int place_bind(int node);
int place_chosen(void);
void place_chunk(void *addr, size_t len, unsigned int node);
u64 place_wanted(unsigned int node);

#endif
