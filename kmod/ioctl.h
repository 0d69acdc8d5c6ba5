/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctl table. */
#ifndef ASHLAR_IOCTL_H
#define ASHLAR_IOCTL_H

#include <linux/types.h>

struct client;

long ioctl_dispatch(struct client *client, unsigned int cmd,
		    unsigned long arg);
u64 ioctl_features(void);

#endif /* ASHLAR_IOCTL_H */
