// SPDX-License-Identifier: MIT
/*
 * Purging.  A victim is detached and marked busy under the heap's lock, given
 * back without it, and attached again: an allocation never waits for madvise.
 */
#include "hpheap/purge.h"

#include "backend/backend.h"
#include "hpheap/limit.h"
#include "hpheap/space.h"
#include "os/sys.h"
#include "rt/conf.h"

enum {
	DENSE_UNITS = HPAGE_UNITS / 2,
	REST_SHARE = 64, /* of the decay time: so long an empty one rests */
};

/*
 * The child of a fork is most often a snapshot and soon gone: it does not
 * purge.  One that outgrows what it inherited is a server of its own.
 */
static _Atomic bool is_disabled;

/*
 * A huge page that nothing could be given back of (the kernel refuses, since
 * the program locked its memory, say; or no free run is a whole base page) is
 * passed over for the rest of the round, so that it does not keep others.
 * Rounds start at 1 and wrap: to be passed over wrongly once costs little.
 */
static _Atomic u16 round_nr = 1;

static bool is_stuck(const struct hpage *hp)
{
	return hp->stuck_round == round_nr;
}

/* Free runs of one huge page that were given back. */
struct purged {
	struct bitmap clean;
	size_t units;
	unsigned int nr_calls;
	u64 ns;
};

static bool is_huge(const struct hpage *hp)
{
	return !hp->is_broken && backend_get(hp->backend)->is_huge;
}

static bool is_old(const struct hpage *hp)
{
	long age = (u32)os_now_ms() - hp->since_ms;

	return conf.dirty_decay_ms >= 0 && age >= conf.dirty_decay_ms;
}

static bool wanted_any(const struct hpage *hp)
{
	return hp->nr_dirty && hp->backend != BK_HUGETLB && !is_stuck(hp);
}

static bool wanted_sparse(const struct hpage *hp)
{
	return wanted_any(hp) && is_old(hp) &&
	       (!is_huge(hp) || hp->nr_used < DENSE_UNITS);
}

/* Emptied a moment ago, it may be taken again in the next. */
static bool is_rested(const struct hpage *hp, enum purge_how how)
{
	long age = (u32)os_now_ms() - hp->since_ms;

	return how == PURGE_ALL || limit_is_pressed() ||
	       age * REST_SHARE >= conf.dirty_decay_ms;
}

static struct hpage *oldest_empty(struct hpheap *h, enum purge_how how)
{
	struct list *n = h->empty_dirty.prev;

	for (; n != &h->empty_dirty; n = n->prev) {
		struct hpage *hp = container_of(n, struct hpage, link);

		if (!is_stuck(hp) && is_rested(hp, how))
			return hp;
	}
	return NULL;
}

/* The next huge page to purge, or NULL; lock held. */
static struct hpage *victim(struct hpheap *h, enum purge_how how)
{
	bool (*wanted)(const struct hpage *) =
		how == PURGE_ALL || limit_is_pressed() ? wanted_any
						       : wanted_sparse;
	struct hpage *hp = oldest_empty(h, how);

	for (int s = NR_SETS - 1; s >= 0 && !hp; s--)
		hp = hpset_sparsest(&h->sets[s], wanted);
	return hp;
}

/*
 * A dirty run in whole base pages: outward over free units, else inward.
 * Returns false if no whole base page is left.
 */
static bool to_pages(const struct hpage *hp, unsigned int *first,
		     unsigned int *nr)
{
	unsigned int grain = os_page_size / UNIT_SIZE;
	unsigned int lo = align_down(*first, grain);
	unsigned int hi = align_up(*first + *nr, grain);

	if (bitmap_count_range(&hp->used, lo, *first - lo))
		lo += grain;
	if (bitmap_count_range(&hp->used, *first + *nr, hi - *first - *nr))
		hi -= grain;
	*first = lo;
	*nr = hi - lo;
	return lo < hi;
}

static void discard_run(const struct backend_ops *ops, char *base,
			unsigned int first, unsigned int nr, struct purged *p)
{
	u64 t = os_now_ns();

	if (!ops->discard(base + ((size_t)first << UNIT_SHIFT),
			  (size_t)nr << UNIT_SHIFT)) {
		bitmap_set_range(&p->clean, first, nr);
		p->units += nr;
	}
	p->ns = max_size(p->ns, os_now_ns() - t);
	p->nr_calls++;
}

static void discard_runs(const struct backend_ops *ops, char *base,
			 const struct hpage *hp, struct purged *p)
{
	unsigned int first = 0, nr;

	while (hpage_next_dirty(hp, &first, &nr)) {
		unsigned int lo = first, len = nr;

		first += nr;
		if (to_pages(hp, &lo, &len))
			discard_run(ops, base, lo, len, p);
	}
}

/* @hp is a copy: the original changes while others free into it. */
static void discard_free(const struct hpage *hp, char *base, struct purged *p)
{
	const struct backend_ops *ops = backend_get(hp->backend);
	u64 t;

	if (!hp->nr_used) {
		discard_run(ops, base, 0, HPAGE_UNITS, p);
		return;
	}
	if (!ops->break_hpage) {
		discard_runs(ops, base, hp, p);
		return;
	}
	t = os_now_ns();
	if (!ops->break_hpage(base, &hp->used)) {
		for (unsigned int i = 0; i < BITMAP_WORDS; i++)
			p->clean.w[i] = ~hp->used.w[i];
		p->units = HPAGE_UNITS - hp->nr_used;
	}
	p->ns = os_now_ns() - t;
	p->nr_calls++;
}

/* Lock held. */
static void finish(struct hpheap *h, struct hpage *hp, const struct purged *p)
{
	unsigned int first = 0, end;

	for (; first < HPAGE_UNITS; first = end) {
		first = bitmap_next_set(&p->clean, first);
		if (first == HPAGE_UNITS)
			break;
		end = bitmap_next_clear(&p->clean, first);
		hpage_clean(hp, first, end - first);
	}
	if (p->units && hp->nr_used && backend_get(hp->backend)->is_huge)
		hp->is_broken = true;
	hp->state = HP_PARTIAL;
	hpheap_attach(h, hp);
	h->stats.purged += p->units << UNIT_SHIFT;
	h->stats.nr_purges += p->nr_calls;
	h->stats.purge_ns += p->ns;
	h->stats.purge_max_ns = max_size(h->stats.purge_max_ns, p->ns);
}

/* Units that may stay dirty; lock held. */
static size_t keep(struct hpheap *h, enum purge_how how)
{
	if (how == PURGE_ALL || limit_is_pressed())
		return 0;
	return max_size(decay_limit(&h->decay, conf.dirty_decay_ms,
				    h->stats.used >> UNIT_SHIFT),
			h->nr_ahead);
}

/* Purge one huge page; false: there is none to purge.  Adds to *@done. */
static bool purge_one(struct hpheap *h, enum purge_how how, size_t *done)
{
	struct purged p = {.units = 0};
	struct hpage *hp = NULL;
	struct hpage copy;

	lock_acquire(&h->lock);
	if (h->nr_dirty > keep(h, how))
		hp = victim(h, how);
	if (hp) {
		hpheap_detach(h, hp);
		hp->state = HP_BUSY;
		/* Not all of it: nr_hollow is the walk's, under another lock.
		 */
		copy = (struct hpage){
			.used = hp->used,
			.touched = hp->touched,
			.nr_used = hp->nr_used,
			.backend = hp->backend,
		};
		/* The first touch of a unit has backed all of a huge page. */
		if (is_huge(hp))
			bitmap_set_range(&copy.touched, 0, HPAGE_UNITS);
	}
	lock_release(&h->lock);
	if (!hp)
		return false;
	discard_free(&copy, space_addr(hpheap_index(hp) * HPAGE_UNITS), &p);
	if (!copy.nr_used && p.units)
		space_forget(hpheap_index(hp));
	lock_acquire(&h->lock);
	finish(h, hp, &p);
	if (!p.units) {
		hp->stuck_round = round_nr;
		hp->since_ms = os_now_ms();
	}
	lock_release(&h->lock);
	*done += p.units;
	return true;
}

/* Purge lock held.  Adds to *@done; true: the steps did not suffice. */
static bool run(struct hpheap *h, enum purge_how how, unsigned int max_steps,
		size_t *done)
{
	for (; max_steps; max_steps--) {
		if (purge_one(h, how, done))
			continue;
		round_nr++;
		return false;
	}
	return true;
}

/**
 * purge_run() - give memory back
 * @h: the heap
 * @how: down to the decay curve, or all
 * @max_steps: at most so many huge pages
 *
 * Return: units given back.
 */
size_t purge_run(struct hpheap *h, enum purge_how how, unsigned int max_steps)
{
	size_t done = 0;

	if (is_disabled)
		return 0;
	lock_acquire(&h->purge_lock);
	if (how == PURGE_ALL)
		round_nr++;
	run(h, how, max_steps, &done);
	lock_release(&h->purge_lock);
	return done;
}

/**
 * purge_tick() - let time pass, and purge what is due
 * @h: the heap
 * @now_ms: monotonic time
 * @max_steps: at most so many huge pages, so that a caller on the way of an
 *	allocation is held up for a bounded time
 *
 * Nobody waits for another thread that purges.
 *
 * Return: what became of it.
 */
enum purge_result purge_tick(struct hpheap *h, u64 now_ms,
			     unsigned int max_steps)
{
	size_t done = 0;
	bool is_due, has_more;

	if (is_disabled)
		return PURGE_IDLE;
	lock_acquire(&h->lock);
	decay_advance(&h->decay, now_ms, conf.dirty_decay_ms,
		      h->stats.used >> UNIT_SHIFT);
	is_due = h->nr_dirty > keep(h, PURGE_DECAY);
	lock_release(&h->lock);
	if (!is_due || !lock_try(&h->purge_lock))
		return PURGE_IDLE;
	has_more = run(h, PURGE_DECAY, max_steps, &done);
	lock_release(&h->purge_lock);
	if (!done)
		return PURGE_IDLE;
	return has_more ? PURGE_MORE : PURGE_DONE;
}

/**
 * purge_pending() - how much is dirty
 * @h: the heap
 *
 * Return: bytes.
 */
size_t purge_pending(struct hpheap *h)
{
	size_t units;

	lock_acquire(&h->lock);
	units = h->nr_dirty;
	lock_release(&h->lock);
	return units << UNIT_SHIFT;
}

/* Is this process to purge and collapse? */
bool purge_is_enabled(void)
{
	return !atomic_load_explicit(&is_disabled, memory_order_relaxed);
}

/* No purging in this process until it maps more memory. */
void purge_disable(void)
{
	atomic_store_explicit(&is_disabled, true, memory_order_relaxed);
}

/* The process has mapped more memory. */
void purge_enable(void)
{
	if (atomic_load_explicit(&is_disabled, memory_order_relaxed))
		atomic_store_explicit(&is_disabled, false,
				      memory_order_relaxed);
}
