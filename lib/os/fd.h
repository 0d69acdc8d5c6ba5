/* SPDX-License-Identifier: MIT */
/*
 * A descriptor of the library's own in a process whose program may close any
 * number, and get something else under it.
 */
#ifndef ASHLAR_OS_FD_H
#define ASHLAR_OS_FD_H

#include "base/bits.h"

struct os_fd {
	int fd;	      /* -1: none */
	u64 dev, ino; /* what it must be */
};

#define OS_FD_NONE { .fd = -1 }

int os_fd_keep(struct os_fd *f, int fd);
bool os_fd_is_open(int fd);
bool os_fd_is_ours(const struct os_fd *f);
void os_fd_close(struct os_fd *f);

#endif
