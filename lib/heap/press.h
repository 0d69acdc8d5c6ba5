/* SPDX-License-Identifier: MIT */
/*
 * What threads do when memory is short: at the hard limit, above the soft one,
 * under pressure.
 */
#ifndef ASHLAR_HEAP_PRESS_H
#define ASHLAR_HEAP_PRESS_H

#include "cache/tcache.h"

bool press_relieve(void);
void press_refused(void);
void press_shrink(struct tcache *t);
bool press_tick(u64 now);

#endif
