/* SPDX-License-Identifier: MIT */
/*
 * Whether another process maps pages of this one, too.
 */
#ifndef ASHLAR_OS_PAGEMAP_H
#define ASHLAR_OS_PAGEMAP_H

#include "base/bits.h"

int os_pagemap_is_shared(const void *addr, size_t len);

#endif
