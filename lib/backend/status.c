// SPDX-License-Identifier: MIT
/*
 * Only the background thread reads it, and only while memory of the module is
 * in use: a process that has none opens no device for it.
 */
#include "backend/status.h"

#include <linux/ashlar.h>

#include "backend/backend.h"
#include "backend/device.h"

enum { TRIES = 16 };

static const struct ashlar_status *page;

/**
 * status_pressure_epoch() - how often the machine has taken memory back
 * @ret_epoch: a number that rises
 *
 * Return: false if there is no module to ask.
 */
bool status_pressure_epoch(u64 *ret_epoch)
{
	if (!backend_has_refold())
		return false;
	if (!page)
		page = device_map_status();
	for (int i = 0; page && i < TRIES; i++) {
		u32 seq = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);
		u64 epoch = __atomic_load_n(&page->pressure_epoch,
					    __ATOMIC_RELAXED);

		atomic_thread_fence(memory_order_acquire);
		if (!(seq & 1) &&
		    seq == __atomic_load_n(&page->seq, __ATOMIC_RELAXED)) {
			*ret_epoch = epoch;
			return true;
		}
	}
	return false;
}

/* In the child, which maps it anew. */
void status_after_fork(void)
{
	page = NULL;
}
