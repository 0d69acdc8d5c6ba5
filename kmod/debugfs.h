/* SPDX-License-Identifier: GPL-2.0-only */
/* /sys/kernel/debug/ashlar */
#ifndef ASHLAR_DEBUGFS_H
#define ASHLAR_DEBUGFS_H

void debugfs_add(void);
void debugfs_remove_all(void);

#endif /* ASHLAR_DEBUGFS_H */
