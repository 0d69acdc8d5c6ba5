// SPDX-License-Identifier: MIT
/*
 * Allocation and release of runs.  A huge page is taken out of its place
 * (detached), changed, and put where it belongs now (attached).
 *
 * Order of preference: a whole huge page in partial use, the fullest first; a
 * broken one; an empty one that is still backed; a fresh one; growth.
 */
#include "hpheap/hpheap.h"

#include <errno.h>
#include <string.h>

#include "backend/backend.h"
#include "hpheap/choose.h"
#include "hpheap/limit.h"
#include "hpheap/place.h"
#include "hpheap/purge.h"
#include "hpheap/space.h"
#include "os/sys.h"
#include "rt/conf.h"
#include "rt/meta.h"

enum {
	/* One bit a huge page of the largest reservation, 16 TiB. */
	FREE_MAP_WORDS = (1UL << 44 >> HPAGE_SHIFT) / 64,
	READY_SOONER = 4, /* so small a part of thp_start */
};

static u64 first_free_map[FREE_MAP_WORDS];
static struct hpheap first_heap;
static struct hpheap *_Atomic heaps[MAX_NODES];
static _Atomic u64 nodes; /* one bit a node that has a heap */
static struct lock heaps_lock;
static _Atomic size_t total_mapped;

static void hpheap_init(struct hpheap *h, unsigned int node)
{
	h->node = node;
	for (unsigned int i = 0; i < NR_SETS; i++)
		hpset_init(&h->sets[i]);
	list_init(&h->empty_dirty);
	list_init(&h->full_broken);
	h->free_lo = FREE_MAP_WORDS;
}

/* Others see it at once; heaps_lock held. */
static struct hpheap *hpheap_create(unsigned int node)
{
	struct hpheap *h = &first_heap;

	if (!h->free_map) {
		h->free_map = first_free_map;
	} else {
		h = meta_alloc(sizeof(*h));
		if (!h)
			return NULL;
		h->free_map = os_map(sizeof(first_free_map));
		if (!h->free_map) {
			meta_free(h, sizeof(*h));
			return NULL;
		}
	}
	hpheap_init(h, node);
	atomic_store_explicit(&heaps[node], h, memory_order_release);
	atomic_fetch_or_explicit(&nodes, 1ULL << node, memory_order_release);
	return h;
}

/**
 * hpheap_get() - the heap of a node, made on first use
 * @node: NUMA node
 *
 * Return: the heap; when there is no memory for one, another node's; NULL if
 * there is none at all.
 */
struct hpheap *hpheap_get(unsigned int node)
{
	struct hpheap *h;

	node = min_size(node, MAX_NODES - 1);
	h = atomic_load_explicit(&heaps[node], memory_order_acquire);
	if (likely(h))
		return h;
	lock_acquire(&heaps_lock);
	h = heaps[node];
	if (!h)
		h = hpheap_create(node);
	lock_release(&heaps_lock);
	return h ? h : hpheap_next(NULL);
}

/* All heaps in turn, by node, from NULL to NULL. */
struct hpheap *hpheap_next(const struct hpheap *h)
{
	u64 left = atomic_load_explicit(&nodes, memory_order_acquire);

	if (h)
		left &= -2ULL << h->node;
	return left ? heaps[ctz64(left)] : NULL;
}

/* Before a fork; growth and purging in progress come to their end first. */
void hpheap_lock_all(void)
{
	lock_acquire(&heaps_lock);
	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h)) {
		lock_acquire(&h->grow_lock);
		lock_acquire(&h->purge_lock);
		lock_acquire(&h->lock);
	}
}

/* In the parent. */
void hpheap_unlock_all(void)
{
	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h)) {
		lock_release(&h->lock);
		lock_release(&h->purge_lock);
		lock_release(&h->grow_lock);
	}
	lock_release(&heaps_lock);
}

/* In the child. */
void hpheap_reset_all(void)
{
	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h)) {
		lock_reset(&h->lock);
		lock_reset(&h->purge_lock);
		lock_reset(&h->grow_lock);
	}
	lock_reset(&heaps_lock);
}

size_t hpheap_index(const struct hpage *hp)
{
	return hp - space.hpages;
}

static void free_map_set(struct hpheap *h, size_t i)
{
	h->free_map[i / 64] |= 1ULL << (i % 64);
	h->free_lo = min_size(h->free_lo, i / 64);
	h->stats.nr_empty++;
}

static void free_map_clear(struct hpheap *h, size_t i)
{
	h->free_map[i / 64] &= ~(1ULL << (i % 64));
	h->stats.nr_empty--;
}

static struct hpset *set_of(struct hpheap *h, const struct hpage *hp)
{
	if (hp->is_broken)
		return &h->sets[SET_BROKEN];
	return &h->sets[hp->kind];
}

/**
 * hpheap_detach() - take a huge page out of its set or list; lock held
 * @h: its heap
 * @hp: the huge page
 */
void hpheap_detach(struct hpheap *h, struct hpage *hp)
{
	h->nr_dirty -= hp->nr_dirty;
	h->stats.used -= (size_t)hp->nr_used << UNIT_SHIFT;
	switch (hp->state) {
	case HP_EMPTY:
		list_del(&hp->link);
		free_map_clear(h, hpheap_index(hp));
		return;
	case HP_PARTIAL:
		hpset_remove(set_of(h, hp), hp);
		break;
	case HP_FULL:
		list_del(&hp->link);
		break;
	}
	h->stats.nr_hpages--;
	h->stats.nr_broken -= hp->is_broken;
}

/**
 * hpheap_attach() - put a huge page where it belongs; lock held
 * @h: its heap
 * @hp: the huge page, detached
 */
void hpheap_attach(struct hpheap *h, struct hpage *hp)
{
	h->nr_dirty += hp->nr_dirty;
	h->stats.used += (size_t)hp->nr_used << UNIT_SHIFT;
	decay_note(&h->decay, h->stats.used >> UNIT_SHIFT);
	hpheap_settle(h, hp);
	if (!hp->nr_used) {
		hp->state = HP_EMPTY;
		if (hp->nr_dirty)
			list_add(&hp->link, &h->empty_dirty);
		else
			hp->is_broken = hp->is_small;
		free_map_set(h, hpheap_index(hp));
		return;
	}
	h->stats.nr_hpages++;
	h->stats.nr_broken += hp->is_broken;
	hp->state = hp->nr_used == HPAGE_UNITS ? HP_FULL : HP_PARTIAL;
	if (hp->state == HP_PARTIAL)
		hpset_insert(set_of(h, hp), hp);
	else if (hp->is_broken)
		list_add(&hp->link, &h->full_broken);
}

/*
 * Take units of one huge page; lock held.  How many of them, from the first on,
 * may differ from zero: all or none.
 */
static unsigned int take(struct hpheap *h, struct hpage *hp, unsigned int first,
			 unsigned int nr, enum hpset_id kind)
{
	unsigned int was_touched;

	hpheap_detach(h, hp);
	atomic_store_explicit(&hp->kind, choose_new_kind(hp, kind),
			      memory_order_relaxed);
	if (unlikely(hp->is_zeroed))
		h->stats.prefault_hits += HPAGE_SIZE;
	was_touched = hpage_take(hp, first, nr);
	hpheap_attach(h, hp);
	return was_touched ? nr : 0;
}

/* A run inside one huge page; lock held. */
static int alloc_in_hpage(struct hpheap *h, unsigned int nr,
			   unsigned int align, struct run *ret_run)
{
	/* So long a run holds an aligned one, but for an empty huge page. */
	unsigned int want = min_size(nr + align - 1, HPAGE_UNITS);
	enum hpset_id kind = choose_kind(nr, false);
	struct hpage *hp = choose_hpage(h, want, kind);
	unsigned int first;
	size_t unit;

	if (!hp)
		return -EAGAIN;
	first = hpage_fit(hp, nr, align);
	unit = hpheap_index(hp) * HPAGE_UNITS + first;
	if (!hpheap_charge(h, unit, nr))
		return -EDQUOT;
	ret_run->nr_stale = take(h, hp, first, nr, kind);
	ret_run->unit = unit;
	return 0;
}

/*
 * First of @nr adjacent empty huge pages whose address is a multiple of @align
 * huge pages, or 0.  The reservation itself is aligned to one only.
 */
static size_t find_empty_range(struct hpheap *h, size_t nr, size_t align)
{
	size_t end = space_end_hpage(), run = 0;
	size_t base = (uintptr_t)space.base >> HPAGE_SHIFT;

	for (size_t i = h->free_lo * 64; i < end; i++) {
		u64 w = h->free_map[i / 64];

		if (!w && !(i % 64)) {
			run = 0;
			i += 63;
			continue;
		}
		if (!(w >> (i % 64) & 1) ||
		    (!run && ((base + i) & (align - 1)))) {
			run = 0;
			continue;
		}
		if (++run == nr)
			return i + 1 - nr;
	}
	return 0;
}

/* Whole huge pages and the head of one more; lock held. */
static int alloc_big(struct hpheap *h, size_t nr, size_t align,
		     struct run *ret_run)
{
	size_t nr_hpages = (nr + HPAGE_UNITS - 1) / HPAGE_UNITS;
	size_t align_hpages = max_size(align / HPAGE_UNITS, 1);
	size_t i = find_empty_range(h, nr_hpages, align_hpages);

	if (!i)
		return -EAGAIN;
	if (!hpheap_charge(h, i * HPAGE_UNITS, nr))
		return -EDQUOT;
	*ret_run = (struct run){.unit = i * HPAGE_UNITS};
	for (size_t done = 0; done < nr; i++) {
		unsigned int n = min_size(nr - done, HPAGE_UNITS);

		if (take(h, &space.hpages[i], 0, n, choose_kind(n, false)))
			ret_run->nr_stale = done + n;
		done += n;
	}
	return 0;
}

/* 0; -EAGAIN: the heap must grow for it; -EDQUOT: the hard limit forbids it. */
static int try_alloc(struct hpheap *h, size_t nr, size_t align,
		     struct run *ret_run)
{
	int err;

	lock_acquire(&h->lock);
	if (nr <= HPAGE_UNITS && align <= HPAGE_UNITS)
		err = alloc_in_hpage(h, nr, align, ret_run);
	else
		err = alloc_big(h, nr, align, ret_run);
	lock_release(&h->lock);
	return err;
}

static void add_hpages(struct hpheap *h, size_t first, size_t nr,
		       enum backend_id backend)
{
	lock_acquire(&h->lock);
	for (size_t i = first; i < first + nr; i++) {
		hpage_init(&space.hpages[i], h->node, backend);
		free_map_set(h, i);
	}
	h->stats.mapped += nr << HPAGE_SHIFT;
	lock_release(&h->lock);
}

/* Take @nr huge pages of fresh address space into use; grow_lock held. */
static int grow_by(struct hpheap *h, size_t nr, enum backend_want want)
{
	size_t first = space_grow(nr);
	enum backend_id backend;
	int err;

	if (!first)
		return -ENOMEM;
	err = backend_map(space_addr(first * HPAGE_UNITS), nr << HPAGE_SHIFT,
			  want, &backend);
	if (err) {
		space_shrink(first, nr);
		return err;
	}
	place_chunk(space_addr(first * HPAGE_UNITS), nr << HPAGE_SHIFT,
		    h->node);
	atomic_fetch_add(&total_mapped, nr << HPAGE_SHIFT);
	add_hpages(h, first, nr, backend);
	purge_enable();
	return 0;
}

/*
 * A chunk more, or as much as the request needs.  The first chunks of a process
 * are small pages up to thp_start: a small process must stay small.  Huge pages
 * that are ready are worth it sooner.
 */
static int grow(struct hpheap *h, size_t need)
{
	size_t mapped = atomic_load(&total_mapped);
	size_t end = mapped + (need << HPAGE_SHIFT);
	size_t start = conf.thp_start, ready = start / READY_SOONER;
	enum backend_want want = WANT_HUGE;
	size_t step = conf.chunk, nr;
	int err;

	if (end <= ready) {
		want = WANT_SMALL;
		step = ready - mapped;
	} else if (end <= start) {
		want = WANT_READY;
		step = start - mapped;
	}
	nr = max_size(min_size(step, conf.chunk) >> HPAGE_SHIFT, need);
	for (;;) {
		err = grow_by(h, nr, want);
		if (!err || nr == need)
			return err;
		nr = max_size(nr / 2, need);
	}
}

/* As try_alloc(), but the heap grows; also -ENOMEM if it can't. */
static int alloc_growing(struct hpheap *h, size_t nr, size_t align,
			 struct run *ret_run)
{
	size_t need = align <= HPAGE_UNITS ? nr - 1 : nr + align - 2;
	size_t waste = align <= HPAGE_UNITS ? 0 : align;
	int err;

	/*
	 * Address space, once taken, stays, and its tables: not for what would
	 * be refused, nor where nothing could be had any more.
	 */
	if (!limit_has_room((nr << UNIT_SHIFT) + space_table_bytes(waste)))
		return -EDQUOT;
	lock_acquire(&h->grow_lock);
	do {
		err = try_alloc(h, nr, align, ret_run);
	} while (err == -EAGAIN && !(err = grow(h, need / HPAGE_UNITS + 1)));
	lock_release(&h->grow_lock);
	return err;
}

/* The hard limit is reached: what is free anywhere goes back. */
static void make_room(void)
{
	purge_enable();
	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h))
		purge_run(h, PURGE_ALL, UINT_MAX);
}

/**
 * hpheap_alloc() - a run of units
 * @h: the heap
 * @nr_units: length, at least 1
 * @align_units: alignment, a power of two; any up to 2^33
 * @ret_run: where it is, and how much of it may differ from zero
 *
 * Return: 0, or -ENOMEM, also where the hard limit is reached.
 */
int hpheap_alloc(struct hpheap *h, size_t nr_units, size_t align_units,
		 struct run *ret_run)
{
	int err = try_alloc(h, nr_units, align_units, ret_run);

	if (likely(!err))
		return 0;
	if (err == -EAGAIN)
		err = alloc_growing(h, nr_units, align_units, ret_run);
	if (err == -EDQUOT) {
		make_room();
		err = alloc_growing(h, nr_units, align_units, ret_run);
	}
	return err ? -ENOMEM : 0;
}

/* As many runs as adjoin each other where one goes; lock held. */
static unsigned int try_alloc_some(struct hpheap *h,
				   const struct run_want *want,
				   unsigned int most, struct run *ret_run)
{
	unsigned int nr_units = want->nr_units;
	enum hpset_id kind = choose_kind(nr_units, want->is_fleeting);
	struct hpage *hp = choose_hpage(h, nr_units, kind);
	unsigned int first, room, nr;
	size_t unit;

	if (!hp)
		return 0;
	first = hpage_fit(hp, nr_units, 1);
	room = bitmap_next_set(&hp->used, first) - first;
	nr = min_size(room / nr_units, most);
	unit = hpheap_index(hp) * HPAGE_UNITS + first;
	if (!hpheap_charge(h, unit, nr * nr_units))
		return 0;
	ret_run->nr_stale = take(h, hp, first, nr * nr_units, kind);
	ret_run->unit = unit;
	return nr;
}

/**
 * hpheap_alloc_some() - adjacent runs of one length
 * @h: the heap
 * @want: which
 * @ret_run: where they are, and how much of them may differ from zero
 * @ret_nr: how many there are
 *
 * They are where one such run would go: more than one only if there is room, and
 * no hard limit that others may need it for.
 *
 * Return: 0, or -ENOMEM.
 */
int hpheap_alloc_some(struct hpheap *h, const struct run_want *want,
		      struct run *ret_run, unsigned int *ret_nr)
{
	unsigned int most = limit_has_hard() ? 1 : want->most, nr;

	lock_acquire(&h->lock);
	nr = try_alloc_some(h, want, most, ret_run);
	lock_release(&h->lock);
	*ret_nr = max_size(nr, 1);
	return nr ? 0 : hpheap_alloc(h, want->nr_units, 1, ret_run);
}

/* Free units of one huge page; lock held. */
static void put(struct hpheap *h, struct hpage *hp, unsigned int first,
		unsigned int nr)
{
	bool is_busy = hp->state == HP_BUSY; /* detached: the purger attaches */

	if (!is_busy)
		hpheap_detach(h, hp);
	hpage_put(hp, first, nr);
	hp->since_ms = os_now_ms();
	if (!is_busy)
		hpheap_attach(h, hp);
}

/**
 * hpheap_free() - units are free again
 * @unit: first one
 * @nr_units: how many; a part of a run will do
 */
void hpheap_free(size_t unit, size_t nr_units)
{
	struct hpheap *h = hpheap_get(space.hpages[unit / HPAGE_UNITS].node);

	lock_acquire(&h->lock);
	while (nr_units) {
		unsigned int first = unit % HPAGE_UNITS;
		unsigned int n = min_size(nr_units, HPAGE_UNITS - first);

		put(h, &space.hpages[unit / HPAGE_UNITS], first, n);
		unit += n;
		nr_units -= n;
	}
	lock_release(&h->lock);
}

/* Are units [@unit, @end) free for the taking?  Lock held. */
static bool is_free_range(const struct hpheap *h, size_t unit, size_t end)
{
	if (end > space_end_hpage() * HPAGE_UNITS)
		return false;
	while (unit < end) {
		const struct hpage *hp = &space.hpages[unit / HPAGE_UNITS];
		unsigned int first = unit % HPAGE_UNITS;
		unsigned int n = min_size(end - unit, HPAGE_UNITS - first);

		if (hp->node != h->node || hp->state == HP_UNUSED ||
		    hp->state == HP_BUSY ||
		    bitmap_next_set(&hp->used, first) < first + n)
			return false;
		unit += n;
	}
	return true;
}

/**
 * hpheap_extend() - grow a run in place
 * @unit: its first unit
 * @nr_units: its length
 * @new_nr_units: the length wanted, larger
 *
 * Return: false, and nothing is changed, if the units behind it are in use.
 */
bool hpheap_extend(size_t unit, size_t nr_units, size_t new_nr_units)
{
	struct hpheap *h = hpheap_get(space.hpages[unit / HPAGE_UNITS].node);
	size_t at = unit + nr_units, end = unit + new_nr_units;
	bool ok;

	lock_acquire(&h->lock);
	ok = is_free_range(h, at, end) && hpheap_charge(h, at, end - at);
	while (ok && at < end) {
		unsigned int first = at % HPAGE_UNITS;
		unsigned int n = min_size(end - at, HPAGE_UNITS - first);

		take(h, &space.hpages[at / HPAGE_UNITS], first, n,
		     choose_kind(n, false));
		at += n;
	}
	lock_release(&h->lock);
	return ok;
}
