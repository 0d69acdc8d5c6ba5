// SPDX-License-Identifier: MIT
/*
 * emulated.c - linked into tests that run under qemu-user, which differs from
 * a kernel: it keeps tables for all of a reservation (6 GiB for the usual one),
 * takes the source of mremap(MREMAP_DONTUNMAP) for unmapped, and its own memory
 * counts as the program's.
 */
#include "testlib.h"

extern const char *ashlar_conf;

const char *ashlar_conf = "reserve:16G";
const bool test_is_emulated = true;
