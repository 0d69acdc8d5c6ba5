/* SPDX-License-Identifier: MIT */
/* What the command line says to every command. */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>

/**
 * struct options - options of ashlarctl
 * @device: the device node
 * @proc: where processes are looked for
 * @sysfs: where the module's settings are
 * @is_json: JSON instead of text
 */
struct options {
	const char *device;
	const char *proc;
	const char *sysfs;
	bool is_json;
};

/* Exit statuses; a command returns one of them. */
enum { EXIT_OK = 0, EXIT_FAULT = 1, EXIT_USAGE = 2 };

#endif
