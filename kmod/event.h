/* SPDX-License-Identifier: GPL-2.0-only */
/* What poll() wakes for: memory pressure, and pools full again. */
#ifndef ASHLAR_EVENT_H
#define ASHLAR_EVENT_H

#include <linux/types.h>
#include <uapi/linux/ashlar.h>

struct file;
struct poll_table_struct;

void event_pressure(void);
void event_refilled(void);
void event_now(struct ashlar_event *ret_event);
__poll_t event_poll(struct file *file, struct poll_table_struct *wait,
		    const struct ashlar_event *seen);

#endif /* ASHLAR_EVENT_H */
