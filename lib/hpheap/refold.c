// SPDX-License-Identifier: MIT
/*
 * While a child lives, what the parent writes is copied to small pages.  Once
 * the child has gone the pages are folded back and mapped huge again.  Nobody
 * tells us when that is, so the background thread asks from time to time for as
 * long as something is shared.
 */
#include "hpheap/refold.h"

#include <errno.h>

#include "backend/backend.h"
#include "hpheap/hpage.h"
#include "hpheap/space.h"

/*
 * Rounds that may leave something though nothing is shared any more: what is
 * pinned may stay so for good.
 */
enum { MAX_LEFT = 40 };

static _Atomic bool is_pending;
static _Atomic unsigned int nr_left;

/* A fork has happened; this is the parent. */
void refold_request(void)
{
	nr_left = 0;
	is_pending = true;
}

bool refold_is_pending(void)
{
	return is_pending;
}

/* This is the child: what it shares is its parent's to fold. */
void refold_cancel(void)
{
	is_pending = false;
}

/* End of the huge pages from @i on that share a backend. */
static size_t range_end(size_t i, size_t end)
{
	unsigned int backend = space.hpages[i].backend;

	while (i < end && space.hpages[i].state != HP_UNUSED &&
	       space.hpages[i].backend == backend)
		i++;
	return i;
}

/**
 * refold_run() - one round over all memory
 *
 * No more rounds are pending when nothing is shared any more and nothing was
 * left, or the backend can't do it.
 */
void refold_run(void)
{
	size_t end = space_end_hpage(), next;
	bool is_shared = false, is_left = false;
	int err;

	is_pending = false;
	for (size_t i = space_first_hpage(); i < end; i = next) {
		const struct backend_ops *ops =
			backend_get(space.hpages[i].backend);

		next = i + 1;
		if (space.hpages[i].state == HP_UNUSED || !ops->refold)
			continue;
		next = range_end(i, end);
		err = ops->refold(space_addr(i * HPAGE_UNITS),
				  (next - i) << HPAGE_SHIFT);
		is_shared |= err == -EBUSY;
		is_left |= err == -EAGAIN;
	}
	if (is_shared || (is_left && nr_left++ < MAX_LEFT))
		is_pending = true;
}
