/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the kernel to say that memory is short: a trigger on a file of
 * pressure stall information, or a FIFO that stands for one.
 */
#ifndef ASHLAR_OS_PSI_H
#define ASHLAR_OS_PSI_H

#include "os/fd.h"

struct os_psi {
	struct os_fd fd;
	bool is_fifo;
};

int os_psi_open(struct os_psi *psi, const char *path);
bool os_psi_wait(struct os_psi *psi, long ms);
void os_psi_close(struct os_psi *psi);

#endif
