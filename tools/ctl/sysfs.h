/* SPDX-License-Identifier: MIT */
/*
 * The module's files below /sys/class/misc/ashlar: what an administrator may
 * set, and the few figures by node that the status page does not carry.
 */
#ifndef CTL_SYSFS_H
#define CTL_SYSFS_H

#include <stddef.h>
#include <stdint.h>

#define SYSFS_DIR "/sys/class/misc/ashlar"

/* Files of the module itself, not of a node. */
#define SYSFS_NO_NODE (-1)

int sysfs_has_node(const char *dir, int node);
int sysfs_get(const char *dir, int node, const char *name, uint64_t *ret_value);
int sysfs_set(const char *dir, int node, const char *name, uint64_t value);
void sysfs_explain(const char *dir, int node, const char *name, int err,
		   char *ret_text, size_t len);

#endif
