/* SPDX-License-Identifier: MIT */
/* `ashlarctl watch`: what the module does, a line an interval. */
#ifndef CTL_WATCH_H
#define CTL_WATCH_H

#include "options.h"

int watch_run(const struct options *opts, int argc, char **argv);

#endif
