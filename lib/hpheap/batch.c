// SPDX-License-Identifier: MIT
/*
 * What is free in a huge page goes back run by run, or by breaking it; what is
 * given back is then noted, and what was huge counts as broken.
 */
#include "hpheap/batch.h"

#include "backend/backend.h"
#include "hpheap/small.h"
#include "hpheap/space.h"
#include "os/sys.h"

/**
 * batch_init() - an empty batch
 * @b: the batch
 * @deadline_ns: no call to the kernel is begun after it; 0: no matter when
 */
void batch_init(struct batch *b, u64 deadline_ns)
{
	/* Not all of it: it is large. */
	b->nr = 0;
	b->nr_ranges = 0;
	b->cost = (struct discard_cost){.deadline_ns = deadline_ns};
}

/**
 * batch_take() - let a huge page be given back; lock held
 * @b: the batch, not full
 * @h: its heap
 * @hp: the huge page, not busy
 *
 * Return: what is to be done with it: all that is not used goes back.
 */
struct batch_page *batch_take(struct batch *b, struct hpheap *h,
			      struct hpage *hp)
{
	struct batch_page *p = &b->page[b->nr++];

	hpheap_detach(h, hp);
	hp->state = HP_BUSY;
	*p = (struct batch_page){
		.hp = hp,
		.ops = backend_get(hp->backend),
		.used = hp->used,
		.touched = hp->touched,
		.keep = hp->used,
		.is_unused = !hp->nr_used,
	};
	/* The first touch of a unit has backed all of a huge page. */
	if (hpage_is_huge(hp))
		bitmap_set_range(&p->touched, 0, HPAGE_UNITS);
	return p;
}

static char *base_of(const struct batch_page *p)
{
	return space_addr(hpheap_index(p->hp) * HPAGE_UNITS);
}

/* Only what was there has been given back: a purge lives by this count. */
static void note_clean(struct batch_page *p, unsigned int first,
		       unsigned int nr)
{
	bitmap_set_range(&p->clean, first, nr);
	p->nr_clean += bitmap_count_range(&p->touched, first, nr);
}

/* Give the ranges back that have come together. */
static void flush(struct batch *b)
{
	u64 done;

	if (!b->nr_ranges)
		return;
	done = discard_ranges(b->page[b->owner[0]].ops, b->range, b->nr_ranges,
			      &b->cost);
	for (; done; done &= done - 1) {
		unsigned int i = ctz64(done);

		note_clean(&b->page[b->owner[i]],
			   space_unit(b->range[i].addr) % HPAGE_UNITS,
			   b->range[i].len >> UNIT_SHIFT);
	}
	b->nr_ranges = 0;
}

static void add_range(struct batch *b, unsigned int owner, unsigned int first,
		      unsigned int nr)
{
	struct batch_page *p = &b->page[owner];
	unsigned int i;

	if (b->nr_ranges == DISCARD_MAX ||
	    (b->nr_ranges && b->page[b->owner[0]].ops != p->ops))
		flush(b);
	i = b->nr_ranges++;
	b->owner[i] = owner;
	b->range[i] = (struct os_range){
		.addr = base_of(p) + ((size_t)first << UNIT_SHIFT),
		.len = (size_t)nr << UNIT_SHIFT,
	};
}

/*
 * A run in whole base pages: outward over units that do not stay, else inward.
 * Returns false if no whole base page is left.
 */
static bool to_pages(const struct bitmap *keep, unsigned int *first,
		     unsigned int *nr)
{
	unsigned int grain = os_page_size / UNIT_SIZE;
	unsigned int lo = align_down(*first, grain);
	unsigned int hi = align_up(*first + *nr, grain);

	if (bitmap_count_range(keep, lo, *first - lo))
		lo += grain;
	if (bitmap_count_range(keep, *first + *nr, hi - *first - *nr))
		hi -= grain;
	*first = lo;
	*nr = hi - lo;
	return lo < hi;
}

/* Runs of units that hold something and do not stay. */
static void add_runs(struct batch *b, unsigned int owner)
{
	const struct batch_page *p = &b->page[owner];
	unsigned int first = 0, end;
	struct bitmap dirty;

	for (unsigned int i = 0; i < BITMAP_WORDS; i++)
		dirty.w[i] = p->touched.w[i] & ~p->keep.w[i];
	while ((first = bitmap_next_set(&dirty, first)) < HPAGE_UNITS) {
		unsigned int lo = first, nr;

		end = bitmap_next_clear(&dirty, first);
		nr = end - first;
		first = end;
		if (to_pages(&p->keep, &lo, &nr))
			add_range(b, owner, lo, nr);
	}
}

/* Of a base page any unit that stays keeps all. */
static void keep_whole_pages(struct bitmap *keep)
{
	unsigned int grain = os_page_size / UNIT_SIZE;

	for (unsigned int i = 0; grain > 1 && i < HPAGE_UNITS; i += grain)
		if (bitmap_count_range(keep, i, grain))
			bitmap_set_range(keep, i, grain);
}

static void break_page(struct batch *b, struct batch_page *p)
{
	struct bitmap clean;
	unsigned int nr = 0;
	u64 start;
	int err;

	keep_whole_pages(&p->keep);
	for (unsigned int i = 0; i < BITMAP_WORDS; i++) {
		clean.w[i] = p->touched.w[i] & ~p->keep.w[i];
		nr += popcount64(clean.w[i]);
	}
	/* All that is free may lie in base pages that stay. */
	start = nr ? discard_begin(&b->cost) : 0;
	if (!start)
		return;
	err = p->ops->break_hpage(base_of(p), &p->keep);
	discard_end(&b->cost, start);
	if (err)
		return;
	p->clean = clean;
	p->nr_clean = nr;
}

/* Where nothing is any more nobody looks into the page map. */
static void forget_unused(const struct batch *b)
{
	size_t hpages[BATCH_MAX];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < b->nr; i++)
		if (b->page[i].is_unused && b->page[i].nr_clean)
			hpages[nr++] = hpheap_index(b->page[i].hp);
	space_forget(hpages, nr);
}

/* What is broken stays small, what is empty may be huge. */
static void advise(const struct batch *b, struct hpheap *h)
{
	for (unsigned int i = 0; i < b->nr; i++) {
		if (!b->page[i].nr_clean)
			continue;
		if (b->page[i].is_unused)
			small_end(h, b->page[i].hp);
		else
			small_begin(h, b->page[i].hp);
	}
}

/**
 * batch_discard() - give back what is to go; no lock but the purge lock held
 * @b: the batch; its pages are busy
 * @h: the heap of all of its pages
 */
void batch_discard(struct batch *b, struct hpheap *h)
{
	for (unsigned int i = 0; i < b->nr; i++) {
		struct batch_page *p = &b->page[i];

		if (p->is_unused)
			add_range(b, i, 0, HPAGE_UNITS);
		else if (p->ops->break_hpage)
			break_page(b, p);
		else
			add_runs(b, i);
	}
	flush(b);
	advise(b, h);
	forget_unused(b);
}

/* Lock held.  Units of @p that were given back: free ones, and hollow ones. */
static void note_units(struct batch_page *p)
{
	unsigned int first = 0, end;

	while ((first = bitmap_next_set(&p->clean, first)) < HPAGE_UNITS) {
		bool is_used = bitmap_test(&p->used, first);

		for (end = first + 1; end < HPAGE_UNITS &&
				      bitmap_test(&p->clean, end) &&
				      bitmap_test(&p->used, end) == is_used;)
			end++;
		if (is_used)
			hpage_hollow(p->hp, first, end - first);
		else
			hpage_clean(p->hp, first, end - first);
		first = end;
	}
}

/**
 * batch_finish() - the pages of a batch are to be had again; lock held
 * @b: the batch, emptied
 * @h: the heap of all of its pages
 *
 * Return: units given back.
 */
size_t batch_finish(struct batch *b, struct hpheap *h)
{
	size_t done = 0;

	for (unsigned int i = 0; i < b->nr; i++) {
		struct batch_page *p = &b->page[i];

		note_units(p);
		if (p->nr_clean && p->hp->nr_used && p->ops->is_huge)
			p->hp->is_broken = true;
		p->hp->is_broken |= p->hp->is_small;
		p->hp->state = HP_PARTIAL;
		hpheap_attach(h, p->hp);
		done += p->nr_clean;
	}
	h->stats.purged += done << UNIT_SHIFT;
	h->stats.nr_purges += b->cost.nr_calls;
	h->stats.purge_ns += b->cost.ns;
	h->stats.purge_max_ns = max_size(h->stats.purge_max_ns, b->cost.max_ns);
	batch_init(b, b->cost.deadline_ns);
	return done;
}
