/* SPDX-License-Identifier: MIT */
/*
 * Giving back base pages inside slabs where a huge page has to be broken for it.
 */
#ifndef ASHLAR_HEAP_BREAKING_H
#define ASHLAR_HEAP_BREAKING_H

#include "heap/reclaim.h"

size_t breaking_walk(enum reclaim_how how, const _Atomic bool *is_stopping);

#endif
