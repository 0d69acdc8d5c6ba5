/* SPDX-License-Identifier: MIT */
/*
 * The background thread: what has to be done beside the program's threads.
 */
#ifndef ASHLAR_HEAP_BACKGROUND_H
#define ASHLAR_HEAP_BACKGROUND_H

#include "base/bits.h"

void background_poke(size_t vacant);
bool background_watch(void);
void background_after_fork_child(void);

#endif
