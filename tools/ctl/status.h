/* SPDX-License-Identifier: MIT */
/*
 * Everything that `ashlarctl status` shows, gathered once and then shown as
 * text or as JSON.
 */
#ifndef CTL_STATUS_H
#define CTL_STATUS_H

#include <stdbool.h>

#include "clients.h"
#include "device.h"
#include "options.h"

enum { STATUS_MAX_NODES = 1024 };

/* Of one node, what only sysfs has; zero where it has not. */
struct status_extra {
	uint64_t zeroed;
	uint64_t zero_ns;
};

/**
 * struct status - one look at the module
 * @version: its release, "unknown" if it does not say
 * @info: what it can do
 * @stats: its counters
 * @has_page: whether it has a status page, and so @page and @nodes
 * @page: head of the status page
 * @nodes: of the status page, page.nr_nodes of them
 * @extras: one for each of @nodes
 * @clients: processes with its memory
 */
struct status {
	char version[64];
	struct ashlar_info info;
	struct ashlar_stats stats;
	bool has_page;
	struct ashlar_status page;
	struct ashlar_status_node *nodes;
	struct status_extra *extras;
	struct clients clients;
};

int status_read(struct status *status, const struct device *dev,
		const struct options *opts, const char **ret_what);
void status_fini(struct status *status);
void status_print(const struct status *status, FILE *out);
void status_print_json(const struct status *status, FILE *out);

#endif
