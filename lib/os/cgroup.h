/* SPDX-License-Identifier: MIT */
/*
 * The memory cgroup that this process is in: its limit and its files.
 */
#ifndef ASHLAR_OS_CGROUP_H
#define ASHLAR_OS_CGROUP_H

#include "base/bits.h"

enum { OS_PATH_MAX = 1024 };

struct os_cgroup {
	/* The cgroup's directory; its mount point is the first mount_len. */
	char dir[OS_PATH_MAX];
	size_t mount_len;
	bool is_v2;
};

int os_cgroup_find(const char *root, struct os_cgroup *ret_cgroup);
int os_cgroup_pressure_path(const char *root, char *buf, size_t len);
size_t os_cgroup_limit(const char *root);
size_t os_cgroup_read(const struct os_cgroup *c, const char *file);
void os_cgroup_each(const char *root,
		    void (*fn)(const struct os_cgroup *c, void *arg),
		    void *arg);
bool os_path_below(const char *root, const char *path, char *ret_path);
size_t os_memory_total(void);

#endif
