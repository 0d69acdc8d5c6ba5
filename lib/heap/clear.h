/* SPDX-License-Identifier: MIT */
/*
 * Clearing of a block that held something before.
 */
#ifndef ASHLAR_HEAP_CLEAR_H
#define ASHLAR_HEAP_CLEAR_H

#include <stddef.h>

void clear_block(void *p, size_t len);

#endif
