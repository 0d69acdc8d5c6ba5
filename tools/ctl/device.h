/* SPDX-License-Identifier: MIT */
/*
 * The module as seen through its device: what it is, its counters, and its
 * status page. Nothing is changed through it; see sysfs.h for that.
 */
#ifndef CTL_DEVICE_H
#define CTL_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include <linux/ashlar.h>

/**
 * struct device - an open device
 * @fd: of /dev/ashlar
 * @info: what the module says it is
 * @status: the mapped status page, NULL if the module has none
 */
struct device {
	int fd;
	struct ashlar_info info;
	const struct ashlar_status *status;
};

/* A counter's name and where struct ashlar_stats keeps it. */
struct device_counter {
	const char *name;
	size_t offset;
};

extern const struct device_counter device_counters[];

int device_open(struct device *dev, const char *path);
void device_close(struct device *dev);
int device_stats(const struct device *dev, struct ashlar_stats *ret_stats);
uint64_t device_counter(const struct ashlar_stats *stats,
			const struct device_counter *counter);
int device_status(const struct ashlar_status *page, size_t len,
		  struct ashlar_status *ret_status,
		  struct ashlar_status_node *ret_nodes, uint32_t max_nodes);
void device_explain(const char *path, int err, char *ret_text, size_t len);

#endif
