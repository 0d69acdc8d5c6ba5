// SPDX-License-Identifier: MIT
/*
 * The first pages of a process are small up to thp_start, so that a small process
 * stays small.  When the heap has become large they are no exception any more:
 * each one that is dense becomes a page to be rebuilt, see collapse.c.
 */
#include "hpheap/start.h"

#include <errno.h>

#include "backend/backend.h"
#include "hpheap/collapse.h"
#include "hpheap/space.h"
#include "os/sys.h"
#include "os/thp.h"
#include "rt/conf.h"

enum { LARGE_TIMES = 4 }; /* of thp_start, that the heap has mapped */

/* Lock held.  Dense pages only: the rest would be filled up. */
static bool may_grow_up(const struct hpheap *h, const struct hpage *hp)
{
	return h->stats.mapped / LARGE_TIMES >= (size_t)conf.thp_start &&
	       hp->node == h->node && hp->backend == BK_PLAIN &&
	       (hp->state == HP_PARTIAL || hp->state == HP_FULL) &&
	       collapse_is_dense(hp);
}

static int advise(const struct hpage *hp)
{
	char *addr = space_addr(hpheap_index(hp) * HPAGE_UNITS);

	if (!os_thp_is_possible())
		return -EOPNOTSUPP;
	return backend_get(BK_THP)->stay_small(addr, HPAGE_SIZE, false);
}

/* It changes hands as a broken page. */
static void grow_up(struct hpheap *h, struct hpage *hp)
{
	bool may;
	int err;

	lock_acquire(&h->lock);
	may = may_grow_up(h, hp);
	lock_release(&h->lock);
	if (!may)
		return;
	err = advise(hp);
	lock_acquire(&h->lock);
	if (err) {
		hp->refused_ms = os_now_ms();
	} else if (may_grow_up(h, hp)) {
		hpheap_detach(h, hp);
		hp->backend = BK_THP;
		hp->is_broken = true;
		hpheap_attach(h, hp);
	}
	lock_release(&h->lock);
}

/**
 * start_grow_up() - have the first pages of a large heap rebuilt as huge ones
 * @h: their heap
 */
void start_grow_up(struct hpheap *h)
{
	size_t first = space_first_hpage();
	size_t end = min_size(first + ((size_t)conf.thp_start >> HPAGE_SHIFT),
			      space_end_hpage());

	if (conf.backend == BACKEND_PLAIN)
		return;
	for (size_t i = first; i < end; i++)
		if (space.hpages[i].backend == BK_PLAIN)
			grow_up(h, &space.hpages[i]);
}
