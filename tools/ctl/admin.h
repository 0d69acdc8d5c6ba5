/* SPDX-License-Identifier: MIT */
/* Commands that change the module's settings: targets and drain. */
#ifndef CTL_ADMIN_H
#define CTL_ADMIN_H

#include <stdint.h>

#include "options.h"

int admin_parse_hunks(const char *text, uint64_t *ret_nr_hunks);
int admin_targets(const struct options *opts, int argc, char **argv);
int admin_drain(const struct options *opts, int argc, char **argv);

#endif
