/* SPDX-License-Identifier: GPL-2.0-only */
/* Getting ready to unload. */
#ifndef ASHLAR_DRAIN_H
#define ASHLAR_DRAIN_H

#include <linux/types.h>

bool is_draining(void);
void drain_set(bool on);

#endif /* ASHLAR_DRAIN_H */
