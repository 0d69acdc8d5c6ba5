// SPDX-License-Identifier: MIT
/*
 * Which huge pages are purged, and when.  How they are is batch.c's to know.
 */
#include "hpheap/purge.h"

#include "backend/backend.h"
#include "hpheap/batch.h"
#include "hpheap/limit.h"
#include "os/sys.h"
#include "rt/conf.h"

enum {
	DENSE_UNITS = HPAGE_UNITS / 2,
	REST_SHARE = 64,  /* of the decay time: so long an empty one rests */
	BREAK_DECAYS = 8, /* decay times until one is broken as it is */
	SLICE_STEPS = 2,  /* huge pages purged on the way of an allocation */
	SLICE_NS = 500000,
	SLICE_REST_MS = 8, /* after one that found nothing */
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

/*
 * Where a huge page is to be broken the walk over slabs should come first
 * (lib/heap/vacate.c): it knows what need not be copied.
 */
static bool is_old(const struct hpage *hp)
{
	long age = (u32)os_now_ms() - hp->since_ms;
	bool is_to_break = backend_get(hp->backend)->break_hpage;

	return conf.dirty_decay_ms >= 0 &&
	       age >= (is_to_break ? BREAK_DECAYS * conf.dirty_decay_ms
				   : decay_span(conf.dirty_decay_ms));
}

static bool wanted_any(const struct hpage *hp)
{
	return hp->nr_dirty && hp->backend != BK_HUGETLB && !is_stuck(hp);
}

static bool wanted_sparse(const struct hpage *hp)
{
	return wanted_any(hp) &&
	       (!hpage_is_huge(hp) || hp->nr_used < DENSE_UNITS) && is_old(hp);
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

/* Units that may stay dirty for a while yet; lock held. */
static size_t decaying(struct hpheap *h)
{
	return decay_limit(&h->decay, conf.dirty_decay_ms,
			   h->stats.used >> UNIT_SHIFT);
}

/* Units that may stay dirty, @curve being decaying(); lock held. */
static size_t staying(const struct hpheap *h, size_t curve)
{
	return limit_is_pressed() ? 0 : max_size(curve, h->nr_ahead);
}

/* The next huge pages to purge; lock held. */
static void take_victims(struct batch *b, struct hpheap *h, enum purge_how how,
			 unsigned int max)
{
	size_t stays = how == PURGE_ALL ? 0 : staying(h, decaying(h));
	struct hpage *hp;

	while (b->nr < max && h->nr_dirty > stays && (hp = victim(h, how)))
		batch_take(b, h, hp);
}

/* Lock held.  Pages of which nothing went back are passed over for a while. */
static void note_stuck(const struct batch *b)
{
	for (unsigned int i = 0; i < b->nr; i++) {
		struct hpage *hp = b->page[i].hp;

		if (b->page[i].nr_clean)
			continue;
		hp->stuck_round = round_nr;
		hp->since_ms = os_now_ms();
	}
}

static bool is_late(const struct batch *b)
{
	return b->cost.deadline_ns && os_now_ns() >= b->cost.deadline_ns;
}

/* How many huge pages were purged, at most @max; 0: there is none. */
static unsigned int purge_some(struct batch *b, struct hpheap *h,
			       enum purge_how how, unsigned int max,
			       size_t *done)
{
	unsigned int nr;

	lock_acquire(&h->lock);
	take_victims(b, h, how, min_size(max, BATCH_MAX));
	lock_release(&h->lock);
	nr = b->nr;
	if (!nr)
		return 0;
	batch_discard(b, h);
	lock_acquire(&h->lock);
	if (!is_late(b))
		note_stuck(b);
	*done += batch_finish(b, h);
	lock_release(&h->lock);
	return nr;
}

/* Purge lock held.  Adds to *@done; true: steps or time did not suffice. */
static bool run(struct hpheap *h, enum purge_how how, unsigned int max_steps,
		u64 deadline_ns, size_t *done)
{
	struct batch b;
	unsigned int nr;

	batch_init(&b, deadline_ns);
	for (; max_steps && !is_late(&b); max_steps -= nr) {
		nr = purge_some(&b, h, how, max_steps, done);
		if (nr)
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
	run(h, how, max_steps, 0, &done);
	lock_release(&h->purge_lock);
	return done;
}

/* Nobody waits for another thread that purges. */
static enum purge_result tick(struct hpheap *h, u64 now_ms,
			      unsigned int max_steps, u64 max_ns)
{
	enum purge_result idle = PURGE_IDLE;
	size_t curve, done = 0;
	bool is_due, has_more;

	if (is_disabled)
		return PURGE_IDLE;
	lock_acquire(&h->lock);
	decay_advance(&h->decay, now_ms, conf.dirty_decay_ms,
		      h->stats.used >> UNIT_SHIFT);
	curve = decaying(h);
	is_due = h->nr_dirty > staying(h, curve);
	if (h->nr_dirty && conf.dirty_decay_ms > 0 && curve)
		idle = PURGE_WAITING;
	lock_release(&h->lock);
	if (!is_due || !lock_try(&h->purge_lock))
		return idle;
	has_more = run(h, PURGE_DECAY, max_steps,
		       max_ns ? os_now_ns() + max_ns : 0, &done);
	lock_release(&h->purge_lock);
	if (!done)
		return idle;
	return has_more ? PURGE_MORE : PURGE_DONE;
}

/**
 * purge_tick() - let time pass, and purge what is due
 * @h: the heap
 * @now_ms: monotonic time
 * @max_steps: at most so many huge pages
 *
 * Return: what became of it.
 */
enum purge_result purge_tick(struct hpheap *h, u64 now_ms,
			     unsigned int max_steps)
{
	return tick(h, now_ms, max_steps, 0);
}

/**
 * purge_slice() - the same on the way of an allocation
 * @h: the heap
 * @now_ms: monotonic time
 *
 * The caller is held up by a few huge pages, and for half a millisecond and one
 * call to the kernel at most.  Looking through a large heap in vain takes time,
 * too, so it is not done again at once.
 */
void purge_slice(struct hpheap *h, u64 now_ms)
{
	u32 rest = limit_is_pressed() || !conf.dirty_decay_ms ? 0 :
								SLICE_REST_MS;
	u32 at = atomic_load_explicit(&h->vain_ms, memory_order_relaxed);

	if ((u32)now_ms - at < rest)
		return;
	if (tick(h, now_ms, SLICE_STEPS, SLICE_NS) <= PURGE_WAITING)
		atomic_store_explicit(&h->vain_ms, now_ms,
				      memory_order_relaxed);
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

/* The same of all heaps. */
size_t purge_pending_all(void)
{
	size_t len = 0;

	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h))
		len += purge_pending(h);
	return len;
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
