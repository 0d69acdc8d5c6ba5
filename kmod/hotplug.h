/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module does when CPUs, memory, or the machine's sleep come and go. */
#ifndef ASHLAR_HOTPLUG_H
#define ASHLAR_HOTPLUG_H

int hotplug_init(void);
void hotplug_exit(void);

#endif /* ASHLAR_HOTPLUG_H */
