/* SPDX-License-Identifier: MIT */
/*
 * Client of /dev/ashlar: keeps a descriptor that survives what servers do to
 * descriptors, and makes the calls.
 */
#ifndef ASHLAR_BACKEND_DEVICE_H
#define ASHLAR_BACKEND_DEVICE_H

#include "base/bits.h"

int device_open(const char *path);
const void *device_map_status(void);
int device_map(void *addr, size_t len);
int device_discard(void *addr, size_t len);
int device_break(void *addr, const u64 *keep_pages);
int device_collapse(void *addr, size_t len, void *scratch);
int device_refold(void *addr, size_t len, void *scratch, size_t scratch_len);
u64 device_features(void);
int device_errno(void);
void device_after_fork(void);

#endif
