/* SPDX-License-Identifier: MIT */
/*
 * Which processes hold memory of the device, and how much of it is mapped
 * huge, read from /proc/PID/smaps: the kernel's own account, so it holds for
 * forked children and for descriptors long closed as well.
 */
#ifndef CTL_CLIENTS_H
#define CTL_CLIENTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/**
 * struct client - a process with mappings of the device
 * @pid: process
 * @comm: its name
 * @nr_regions: mappings
 * @len: their address space in bytes
 * @rss: of it resident, in bytes
 * @huge: of that mapped by huge page-table entries, in bytes
 */
struct client {
	pid_t pid;
	char comm[32];
	unsigned int nr_regions;
	uint64_t len;
	uint64_t rss;
	uint64_t huge;
};

/**
 * struct clients - all of them, by process number
 * @nr_unreadable: processes that could not be looked at for want of
 *	permission
 */
struct clients {
	struct client *items;
	size_t nr;
	size_t nr_unreadable;
};

int clients_read(struct clients *clients, const char *proc);
void clients_fini(struct clients *clients);
void client_parse(struct client *client, FILE *smaps);

#endif
