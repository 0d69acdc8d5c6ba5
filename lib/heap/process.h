/* SPDX-License-Identifier: MIT */
/*
 * What exists once a process: set-up on the first allocation, the fork
 * handlers, and giving everything back.
 */
#ifndef ASHLAR_HEAP_PROCESS_H
#define ASHLAR_HEAP_PROCESS_H

#include "base/bits.h"

bool process_init(void);
void process_watch_thread(void *arg);
void process_expect_threads(void);
void process_watch_forks(void);
size_t process_purge_all(void);
void process_before_fork(void);
void process_after_fork_parent(void);
void process_after_fork_child(void);

#endif
