/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages in use: taken, charged, counted, shared, and given back. */
#ifndef ASHLAR_PAGE_H
#define ASHLAR_PAGE_H

#include <linux/atomic.h>
#include <linux/mm.h>

struct client;
struct place;

/* How a page is asked for. */
enum want {
	WANT_ZERO	= BIT(0),	/* must read as zeroes */
	WANT_POOL	= BIT(1),	/* from a pool or not at all */
	WANT_ERROR	= BIT(2),	/* fail rather than call the OOM killer */
	WANT_FORCE	= BIT(3),	/* a copy of what is there: beyond any quota */
};

/*
 * Users of a page: slots that hold it, of one region or of relatives.  Kept in
 * the private field of the head, which the page cache leaves alone as long as
 * PG_private is not set.
 */
static inline atomic_long_t *page_users(struct page *page)
{
	return (atomic_long_t *)&page_folio(page)->private;
}

/*
 * Whether another slot holds the page too.  Sharing rises only in fork, which
 * excludes faults and calls on the region; so "no" stays true as long as the
 * slot mutex is held.  Pairs with the release in page_unuse(): what a relative
 * did to the page happened before.
 */
static inline bool page_is_shared(struct page *page)
{
	return atomic_long_read_acquire(page_users(page)) > 1;
}

struct page *hpage_alloc(struct client *client, const struct place *place,
			 enum want want, int *ret_err);
struct page *spage_alloc(struct client *client, const struct place *place,
			 enum want want, int *ret_err);
void page_attached(struct page *page);
void page_share(struct page *page);
void page_unuse(struct client *client, struct page *page);
void page_cancel(struct client *client, struct page *page);
bool page_is_idle(struct page *page);
void page_copy(struct page *dst, struct page *src);
void hpage_copy(struct page *dst, struct page *src);

#endif /* ASHLAR_PAGE_H */
