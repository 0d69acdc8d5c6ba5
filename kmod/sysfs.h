/* SPDX-License-Identifier: GPL-2.0-only */
/* /sys/class/misc/ashlar */
#ifndef ASHLAR_SYSFS_H
#define ASHLAR_SYSFS_H

struct attribute_group;
struct device;

extern const struct attribute_group *sysfs_groups[];

int sysfs_nodes_add(struct device *dev);
void sysfs_nodes_remove(void);

#endif /* ASHLAR_SYSFS_H */
