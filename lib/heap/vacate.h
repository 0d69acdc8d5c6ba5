/* SPDX-License-Identifier: MIT */
/*
 * Giving back what is vacant in the slabs of a huge page.
 */
#ifndef ASHLAR_HEAP_VACATE_H
#define ASHLAR_HEAP_VACATE_H

#include "heap/reclaim.h"

size_t vacate_hpage(size_t hpage, enum reclaim_how how);

#endif
