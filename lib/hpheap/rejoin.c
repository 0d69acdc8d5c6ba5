// SPDX-License-Identifier: MIT
/*
 * While a child lives the kernel splits each transparent huge page that the
 * parent writes into, and copies a base page.  Nobody tells which; but what a
 * child has is mapped twice (/proc/self/pagemap), and once it is mapped once
 * MADV_COLLAPSE makes it huge, or finds that it is and returns at once.
 *
 * So after a fork the background thread goes over the dense huge pages, now and
 * then until it finds none that is shared.  Before the child has gone a
 * collapse would copy what is shared, whole huge pages of it.
 */
#include "hpheap/rejoin.h"

#include "backend/backend.h"
#include "hpheap/limit.h"
#include "hpheap/purge.h"
#include "hpheap/space.h"
#include "os/pagemap.h"
#include "os/sys.h"

enum {
	DENSE_UNITS = HPAGE_UNITS / 8 * 7, /* as for rebuilding */
	ROUND_NS = 10000000,
	SHARED_MAX = 16, /* shared huge pages: the child is there */
	AGAIN_MS = 1000, /* from one pass to the next */
	MANY_PASSES =
		600, /* a child that stays is a relative, not a snapshot */
};

static struct {
	_Atomic bool is_pending, is_new;
	/* The background thread's own. */
	size_t next; /* huge page to be looked at */
	unsigned int nr_passes;
	unsigned int nr_shared; /* in this pass */
	u64 pass_ms;
} rejoin;

/* A fork has happened; this is the parent. */
void rejoin_request(void)
{
	rejoin.is_new = true;
	rejoin.is_pending = true;
}

/* This is the child. */
void rejoin_cancel(void)
{
	rejoin.is_pending = false;
}

static bool is_candidate(size_t hpage)
{
	struct hpage_view hp;

	return hpheap_look(hpage, &hp) &&
	       (hp.state == HP_PARTIAL || hp.state == HP_FULL) &&
	       space.hpages[hpage].backend == BK_THP && !hp.is_broken &&
	       hp.nr_used >= DENSE_UNITS;
}

/* Nothing is purged meanwhile. */
static void collapse(size_t hpage)
{
	const struct hpage *hp = &space.hpages[hpage];
	struct hpheap *h = hpheap_get(hp->node);
	char *addr = space_addr(hpage * HPAGE_UNITS);

	lock_acquire(&h->purge_lock);
	if (is_candidate(hpage))
		backend_get(hp->backend)->collapse(addr, HPAGE_SIZE);
	lock_release(&h->purge_lock);
}

/* A pass has come to its end. */
static void finish_pass(u64 now_ms)
{
	if (!rejoin.nr_shared || ++rejoin.nr_passes == MANY_PASSES)
		rejoin.is_pending = false;
	rejoin.nr_shared = 0;
	rejoin.next = 0;
	rejoin.pass_ms = now_ms;
}

static void look_at(size_t hpage)
{
	int shared;

	if (!is_candidate(hpage))
		return;
	shared = os_pagemap_is_shared(space_addr(hpage * HPAGE_UNITS),
				      HPAGE_SIZE);
	if (shared > 0)
		rejoin.nr_shared++;
	else if (!shared)
		collapse(hpage);
}

/* Some huge pages more of a pass. */
static void look_on(u64 now_ms)
{
	size_t i = max_size(rejoin.next, space_first_hpage());
	u64 until = os_now_ns() + ROUND_NS;

	while (i < space_end_hpage() && rejoin.nr_shared < SHARED_MAX &&
	       os_now_ns() < until)
		look_at(i++);
	rejoin.next = i;
	if (i >= space_end_hpage() || rejoin.nr_shared == SHARED_MAX)
		finish_pass(now_ms);
}

/**
 * rejoin_tick() - the background thread's part
 * @now_ms: monotonic time
 *
 * Return: true if it is to come back soon.
 */
bool rejoin_tick(u64 now_ms)
{
	if (!rejoin.is_pending || !purge_is_enabled() || limit_is_pressed())
		return false;
	if (atomic_exchange(&rejoin.is_new, false)) {
		finish_pass(now_ms);
		rejoin.nr_passes = 0;
		rejoin.is_pending = true;
	}
	if (now_ms - rejoin.pass_ms >= AGAIN_MS || rejoin.next)
		look_on(now_ms);
	return rejoin.next;
}
