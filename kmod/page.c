// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages in use: taken, charged, counted, shared, and given back.
 *
 * A huge page is tried for in this order: the pool of the best node, fresh
 * memory of the best node, then the same of the other nodes that the place
 * allows.  Fresh memory is never reclaimed for: who gets none falls back to base
 * pages, which are asked for as any process's memory is.
 *
 * Life: alloc (parked: in no slot yet), attached (mapped, one user), shared by
 * fork, unused by one slot after the other, freed to the buddy allocator with
 * the last.  A used page never goes straight to a pool.
 */
#include "page.h"

#include <linux/highmem.h>
#include <linux/nodemask.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "client.h"
#include "compat.h"
#include "failpoint.h"
#include "hunk.h"
#include "numa.h"
#include "park.h"
#include "place.h"
#include "pool.h"
#include "stats.h"
#include "trace.h"

#define HPAGE_GFP                                                   \
	((GFP_HIGHUSER | __GFP_NOMEMALLOC | __GFP_NOWARN) & ~__GFP_RECLAIM)

/* A huge charge that fails is no reason to kill: base pages come next. */
#define HPAGE_CHARGE_GFP (GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN)

static struct page *hpage_fresh(int nid, enum want want)
{
	gfp_t gfp = HPAGE_GFP | __GFP_THISNODE;
	struct folio *folio;

	if (want & WANT_POOL || should_fail_at(FAIL_HUGE))
		return NULL;
	if (want & WANT_ZERO)
		gfp |= __GFP_ZERO;
	folio = __folio_alloc_node(gfp, HUNK_ORDER, nid);
	if (!folio)
		return NULL;
	stat_inc(STAT_allocated);
	return &folio->page;
}

static struct page *hpage_from_node(int nid, enum want want)
{
	struct numa *node = numa_find(nid);
	struct page *page = pool_take(node);

	if (page) {
		stat_inc(STAT_pool_hits);
		return page;
	}
	page = hpage_fresh(nid, want);
	if (page)
		stat_inc(STAT_pool_misses);
	return page;
}

/* Not charged yet, counted as parked. */
static struct page *hpage_from_place(const struct place *place, enum want want)
{
	struct page *page = hpage_from_node(place->nid, want);
	int nid;

	if (page)
		return page;
	for_each_node_state(nid, N_MEMORY) {
		if (nid == place->nid ||
		    (place->is_strict && !node_isset(nid, place->nodes)) ||
		    !place_is_allowed(nid))
			continue;
		page = hpage_from_node(nid, want);
		if (page)
			return page;
	}
	return NULL;
}

/**
 * hpage_alloc() - a huge page for a slot
 * @client: whose quota it counts against
 * @place: where from
 * @want: how
 * @ret_err: -ENOMEM or -EDQUOT, if NULL is returned
 *
 * Return: head of a hunk, charged, parked, one user; the caller attaches it
 * (page_attached()) or takes it back (page_cancel()).
 */
struct page *hpage_alloc(struct client *client, const struct place *place,
			 enum want want, int *ret_err)
{
	struct page *page;
	int err;

	err = client_charge(client, HUNK_NR, want & WANT_FORCE);
	if (err) {
		*ret_err = err;
		return NULL;
	}
	*ret_err = -ENOMEM;
	page = hpage_from_place(place, want);
	if (!page)
		goto uncharge;
	stat_inc(STAT_parked);
	if (park_page(page, HPAGE_CHARGE_GFP)) {
		stat_inc(STAT_charge_fails);
		goto free_page;
	}
	if (!place_is_right(place, page_to_nid(page)))
		stat_inc(STAT_remote);
	atomic_long_set(page_users(page), 1);
	atomic_long_inc(&client->nr_huge);
	trace_ashlar_handout(page, 1);
	return page;
free_page:
	stat_dec(STAT_parked);
	stat_inc(STAT_freed);
	put_page(page);
uncharge:
	client_uncharge(client, HUNK_NR);
	return NULL;
}

static gfp_t spage_gfp(enum want want)
{
	gfp_t gfp = GFP_HIGHUSER;

	if (want & WANT_ERROR)
		gfp |= __GFP_NORETRY | __GFP_NOWARN;
	if (want & WANT_ZERO)
		gfp |= __GFP_ZERO;
	return gfp;
}

/**
 * spage_alloc() - a base page for a slot
 * @client: whose quota it counts against
 * @place: where from
 * @want: how
 * @ret_err: -ENOMEM or -EDQUOT, if NULL is returned
 *
 * Return: as hpage_alloc().
 */
struct page *spage_alloc(struct client *client, const struct place *place,
			 enum want want, int *ret_err)
{
	gfp_t gfp = spage_gfp(want);
	nodemask_t nodes = place->nodes;
	struct folio *folio;
	int err;

	err = client_charge(client, 1, want & WANT_FORCE);
	if (err) {
		*ret_err = err;
		return NULL;
	}
	*ret_err = -ENOMEM;
	if (should_fail_at(FAIL_SMALL))
		goto uncharge;
	folio = __folio_alloc(gfp, 0, place->nid,
			      place->is_strict ? &nodes : NULL);
	if (!folio)
		goto uncharge;
	if (park_page(&folio->page, gfp & ~(__GFP_HIGHMEM | __GFP_ZERO))) {
		stat_inc(STAT_charge_fails);
		folio_put(folio);
		goto uncharge;
	}
	stat_inc(STAT_small_allocated);
	stat_inc(STAT_small);
	if (!place_is_right(place, folio_nid(folio)))
		stat_inc(STAT_remote);
	atomic_long_set(page_users(&folio->page), 1);
	atomic_long_inc(&client->nr_small);
	return &folio->page;
uncharge:
	client_uncharge(client, 1);
	return NULL;
}

/**
 * page_attached() - a huge page went into a slot
 * @page: head of a hunk, from hpage_alloc()
 */
void page_attached(struct page *page)
{
	stat_dec(STAT_parked);
	stat_inc(STAT_mapped);
	atomic64_inc(&numa_find(page_to_nid(page))->nr_mapped);
}

/**
 * page_share() - a relative's slot holds the page too
 * @page: of the parent's slot; the fork keeps everybody else out
 */
void page_share(struct page *page)
{
	if (atomic_long_inc_return(page_users(page)) == 2 && PageHead(page))
		stat_inc(STAT_shared);
}

static void page_free(struct client *client, struct page *page)
{
	bool is_huge = PageHead(page);

	unpark_page(page);
	atomic_long_dec(is_huge ? &client->nr_huge : &client->nr_small);
	client_uncharge(client, is_huge ? HUNK_NR : 1);
	if (is_huge && trap_open(TRAP_RECYCLE) && page_count(page) == 1)
		pool_give(numa_find(page_to_nid(page)), page);
	else if (!trap_open(TRAP_LEAK))
		release_pages(&page, 1);
}

/**
 * page_unuse() - a slot lets go of a page
 * @client: of the slot's region; the same for all relatives
 * @page: mapped nowhere through that slot any more, no fault in flight
 *
 * A page that something still pins stays with the pinner and is counted as
 * freed.
 */
void page_unuse(struct client *client, struct page *page)
{
	long users = atomic_long_dec_return_release(page_users(page));
	bool is_huge = PageHead(page);

	if (users == 1 && is_huge)
		stat_dec(STAT_shared);
	if (users)
		return;
	smp_acquire__after_ctrl_dep();	/* the others' writes, before freeing */
	if (is_huge) {
		stat_dec(STAT_mapped);
		if (!trap_open(TRAP_RECYCLE))
			stat_inc(STAT_freed);
		atomic64_dec(&numa_find(page_to_nid(page))->nr_mapped);
	} else {
		stat_dec(STAT_small);
		stat_inc(STAT_small_freed);
	}
	page_free(client, page);
}

/**
 * page_cancel() - take back a page that went into no slot
 * @client: it was allocated for
 * @page: from hpage_alloc() or spage_alloc()
 */
void page_cancel(struct client *client, struct page *page)
{
	if (PageHead(page)) {
		stat_dec(STAT_parked);
		stat_inc(STAT_freed);
	} else {
		stat_dec(STAT_small);
		stat_inc(STAT_small_freed);
	}
	atomic_long_set(page_users(page), 0);
	page_free(client, page);
}

/**
 * page_is_idle() - whether nobody but its slot holds a page
 * @page: unmapped, and its slot's mutex is held, so no new fault finds it
 *
 * Expected references: the slot's, the page cache's, and the one of a per-CPU
 * LRU batch, as long as the page has not reached the LRU.  The latter changes
 * under us: look at it twice.
 *
 * Return: false if somebody may be pinning it; then try again later.
 */
bool page_is_idle(struct page *page)
{
	struct folio *folio = page_folio(page);
	bool is_on_lru = folio_test_lru(folio);
	bool is_idle;

	smp_rmb();	/* the flag first, then the count, then the flag */
	is_idle = folio_ref_count(folio) ==
		  1 + park_refs(page) + (is_on_lru ? 0 : 1);
	smp_rmb();	/* the count before the flag */
	return is_idle && folio_test_lru(folio) == is_on_lru;
}

/**
 * page_copy() - copy one base page
 * @dst: whereto; nobody maps it
 * @src: wherefrom; maybe a subpage of a hunk
 */
void page_copy(struct page *dst, struct page *src)
{
	copy_highpage(dst, src);
	flush_dcache_page(dst);
}

/**
 * hpage_copy() - copy a hunk
 * @dst: its head
 * @src: head of the other
 */
void hpage_copy(struct page *dst, struct page *src)
{
	unsigned long i;

	for (i = 0; i < HUNK_NR; i++) {
		page_copy(nth_page(dst, i), nth_page(src, i));
		cond_resched();
	}
}
