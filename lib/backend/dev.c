// SPDX-License-Identifier: MIT
/*
 * The backend on /dev/ashlar: huge pages zeroed ahead of need.
 */
#include "backend/backend.h"

#include <errno.h>

#include "backend/device.h"
#include "os/sys.h"
#include "rt/conf.h"

enum { REFOLD_LEN = 32 << 20 };

static int dev_map(void *addr, size_t len)
{
	int err = device_open(conf.device);

	if (err)
		return err;
	err = device_map(addr, len);
	if (err)
		os_decommit(addr, len);
	return err;
}

/* A part of a huge page goes back by dev_break() only. */
static int dev_discard(void *addr, size_t len)
{
	if (((uintptr_t)addr | len) % HPAGE_SIZE)
		return -EINVAL;
	return device_discard(addr, len);
}

/* One bit a base page: any unit that stays keeps the page it lies in. */
static int dev_break(void *addr, const struct bitmap *keep)
{
	unsigned int units = os_page_size / UNIT_SIZE;
	struct bitmap pages = { .w = { 0 } };

	for (unsigned int i = bitmap_next_set(keep, 0); i < HPAGE_UNITS;
	     i = bitmap_next_set(keep, i + 1))
		bitmap_set(&pages, i / units);
	return device_break(addr, pages.w);
}

static int dev_collapse(void *addr, size_t len)
{
	void *scratch = os_reserve(2 * len);
	int err;

	if (!scratch)
		return -ENOMEM;
	err = device_collapse(addr, len,
			      (void *)align_up((uintptr_t)scratch, len));
	os_unmap(scratch, 2 * len);
	return err;
}

/* Piece by piece: the scratch range is as long as a piece. */
static int dev_refold(void *addr, size_t len)
{
	void *scratch = os_reserve(REFOLD_LEN + HPAGE_SIZE);
	int err;

	if (!scratch)
		return -ENOMEM;
	err = device_refold(addr, len,
			    (void *)align_up((uintptr_t)scratch, HPAGE_SIZE),
			    REFOLD_LEN);
	os_unmap(scratch, REFOLD_LEN + HPAGE_SIZE);
	return err;
}

static int dev_move(void *from, void *to, size_t len)
{
	(void)from;
	(void)to;
	(void)len;
	return -EOPNOTSUPP;
}

const struct backend_ops backend_dev = {
	.name = "dev",
	.is_huge = true,
	.discard_min = HPAGE_SIZE, /* the next one is cleared already */
	.map = dev_map,
	.discard = dev_discard,
	.break_hpage = dev_break,
	.collapse = dev_collapse,
	.refold = dev_refold,
	.move = dev_move,
};
