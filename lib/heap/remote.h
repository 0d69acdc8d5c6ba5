/* SPDX-License-Identifier: MIT */
/*
 * Frees by a thread that does not own the object.
 */
#ifndef ASHLAR_HEAP_REMOTE_H
#define ASHLAR_HEAP_REMOTE_H

#include "cache/tcache.h"

void remote_free(struct tcache *t, u64 entry, void *obj);
void remote_free_now(u64 entry, void *obj);
void remote_flush_all(struct tcache *t);

#endif
