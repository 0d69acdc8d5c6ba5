// SPDX-License-Identifier: MIT
/*
 * What was given back of a transparent huge page comes back when khugepaged
 * builds the page anew: it fills up to max_ptes_none holes with zeroes, which
 * is all of them by default.  So a broken page is taken out of its sight, until
 * it is empty or dense enough to be rebuilt.
 *
 * Each place where advice changes ends a mapping of the kernel's, and a process
 * may have vm.max_map_count of these.  An eighth of them is used at most;
 * khugepaged may have what is broken beyond that.
 */
#include "hpheap/small.h"

#include "backend/backend.h"
#include "hpheap/space.h"
#include "os/sys.h"

enum { MAPPINGS_SHARE = 8 };

static struct {
	struct lock lock; /* inside a purge lock, outside a heap's lock */
	_Atomic size_t nr_borders; /* between advice and other advice */
	size_t max_borders;
} small;

static bool is_small(const struct hpage *hp)
{
	return atomic_load_explicit(&hp->is_known, memory_order_acquire) &&
	       atomic_load_explicit(&hp->is_small, memory_order_relaxed);
}

/* Borders more if the advice for a huge page changes. */
static int new_borders(const struct hpage *hp)
{
	size_t i = hpheap_index(hp);
	bool below = i > space_first_hpage() && is_small(hp - 1);
	bool above = i + 1 < space_end_hpage() && is_small(hp + 1);
	bool now = is_small(hp);

	return 2 * ((below == now) + (above == now)) - 2;
}

/* Lock of small held.  One among its like takes two, to begin or to end. */
static bool may_change(const struct hpage *hp)
{
	if (!small.max_borders)
		small.max_borders = os_max_mappings() / MAPPINGS_SHARE;
	return small.nr_borders + new_borders(hp) <= small.max_borders;
}

/*
 * Lock of small held.  What is small is broken, even if all in use has gone
 * meanwhile: nobody is to count on huge pages there.
 */
static void set(struct hpheap *h, struct hpage *hp, bool is_small)
{
	small.nr_borders += new_borders(hp);
	lock_acquire(&h->lock);
	atomic_store_explicit(&hp->is_small, is_small, memory_order_relaxed);
	if (is_small && !hp->is_broken && hp->state != HP_BUSY) {
		hpheap_detach(h, hp);
		hp->is_broken = true;
		hpheap_attach(h, hp);
	}
	lock_release(&h->lock);
}

/**
 * small_begin() - a huge page was broken: it is to stay small
 * @h: its heap; purge lock held, no other
 * @hp: the huge page, busy or broken
 */
void small_begin(struct hpheap *h, struct hpage *hp)
{
	const struct backend_ops *ops = backend_get(hp->backend);
	void *addr = space_addr(hpheap_index(hp) * HPAGE_UNITS);

	if (!ops->stay_small || is_small(hp))
		return;
	lock_acquire(&small.lock);
	if (may_change(hp) && !ops->stay_small(addr, HPAGE_SIZE, true))
		set(h, hp, true);
	lock_release(&small.lock);
}

/**
 * small_end() - a huge page may be huge again
 * @h: its heap; purge lock held, no other
 * @hp: the huge page, small or not
 *
 * It stays small, and broken, if that would take mappings and there are none.
 */
void small_end(struct hpheap *h, struct hpage *hp)
{
	const struct backend_ops *ops = backend_get(hp->backend);
	void *addr = space_addr(hpheap_index(hp) * HPAGE_UNITS);

	if (!is_small(hp))
		return;
	lock_acquire(&small.lock);
	if (may_change(hp) && !ops->stay_small(addr, HPAGE_SIZE, false))
		set(h, hp, false);
	lock_release(&small.lock);
}

/*
 * In a child.  A fork holds the purge locks, so nobody holds this one; a bare
 * clone(2) may have left it to a thread that is not there.
 */
void small_after_fork(void)
{
	lock_reset(&small.lock);
}
