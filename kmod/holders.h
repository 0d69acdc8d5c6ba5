/* SPDX-License-Identifier: GPL-2.0-only */
/* Who keeps the module from being unloaded. */
#ifndef ASHLAR_HOLDERS_H
#define ASHLAR_HOLDERS_H

#include <linux/types.h>

struct region;

void holders_add(struct region *region);
void holders_del(struct region *region);
ssize_t holders_show(char *buf);
unsigned int holders_log(void);

#endif /* ASHLAR_HOLDERS_H */
