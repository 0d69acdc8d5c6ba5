// SPDX-License-Identifier: MIT
/*
 * How much is made ready follows the demand: as much as it rose in the steepest
 * of the latest epochs, twice; and as much may stay, so that purging does not
 * take it away again.  When demand stops rising, that ends within a quarter of
 * the decay time, and what nobody took goes as any free memory does.
 *
 * A huge page is detached and busy while the kernel fills it, as for purging,
 * under the same lock: nobody takes units of it, nobody purges it.
 */
#include "hpheap/prefault.h"

#include "backend/backend.h"
#include "hpheap/limit.h"
#include "hpheap/purge.h"
#include "hpheap/space.h"
#include "os/sys.h"
#include "rt/conf.h"

enum {
	STEPS = 8,	/* huge pages under one holding of the purge lock */
	ROUNDS = 8,	/* of these in one tick */
	SCAN_WORDS = 256, /* of the free map, in search of one */
};

/* Units that are to be ready now; lock held. */
static size_t target(struct hpheap *h)
{
	size_t cap = conf.prefault >> UNIT_SHIFT;

	if (conf.dirty_decay_ms <= 0 || limit_is_pressed() ||
	    !purge_is_enabled())
		return 0;
	return min_size(2 * decay_rise(&h->decay), cap);
}

/* The lowest huge page that is empty and has nothing behind it; lock held. */
static struct hpage *candidate(struct hpheap *h)
{
	size_t end = min_size(space_end_hpage() / 64 + 1,
			      h->free_lo + SCAN_WORDS);

	for (size_t w = h->free_lo; w < end; w++)
		for (u64 m = h->free_map[w]; m; m &= m - 1) {
			struct hpage *hp = &space.hpages[w * 64 + ctz64(m)];

			if (!hp->nr_touched &&
			    backend_get(hp->backend)->populate)
				return hp;
		}
	return NULL;
}

/* Lock held; it is released on the way.  False: the kernel would not. */
static bool fill(struct hpheap *h, struct hpage *hp)
{
	u64 start;
	int err;

	hpheap_detach(h, hp);
	hp->state = HP_BUSY;
	lock_release(&h->lock);
	start = os_cpu_ns();
	err = backend_get(hp->backend)->populate(
		space_addr(hpheap_index(hp) * HPAGE_UNITS), HPAGE_SIZE);
	start = os_cpu_ns() - start;
	lock_acquire(&h->lock);
	if (!err)
		hpage_populate(hp);
	hp->since_ms = os_now_ms();
	hp->state = HP_EMPTY;
	hpheap_attach(h, hp);
	h->stats.prefault_ns += start;
	if (!err)
		h->stats.prefaulted += HPAGE_SIZE;
	return !err;
}

/* Some huge pages; false: there is no more to do, or nothing to do it with. */
static bool step(struct hpheap *h)
{
	bool ok = true;

	if (!lock_try(&h->purge_lock))
		return false;
	lock_acquire(&h->lock);
	for (unsigned int i = 0; ok && i < STEPS; i++) {
		struct hpage *hp = NULL;

		if (h->nr_dirty + HPAGE_UNITS <= h->nr_ahead &&
		    limit_has_room(HPAGE_SIZE))
			hp = candidate(h);
		ok = hp && fill(h, hp);
	}
	lock_release(&h->lock);
	lock_release(&h->purge_lock);
	return ok;
}

/**
 * prefault_tick() - make ready what demand asks for
 * @h: the heap, after purge_tick(), which lets time pass
 *
 * Return: true if demand is rising: come back soon.
 */
bool prefault_tick(struct hpheap *h)
{
	size_t ahead;

	if (!conf.prefault)
		return false;
	lock_acquire(&h->lock);
	h->nr_ahead = target(h);
	ahead = h->nr_ahead;
	lock_release(&h->lock);
	for (unsigned int i = 0; ahead && i < ROUNDS; i++)
		if (!step(h))
			break;
	return ahead;
}
