// SPDX-License-Identifier: MIT
/*
 * The reservation, its tables, and how they grow.  Memory is handed out here a
 * number of huge pages at a time and never comes back: the node heaps recycle.
 */
#include "hpheap/space.h"

#include <errno.h>
#include <string.h>

#include "hpheap/hpage.h"
#include "os/sys.h"

struct space space;

/* A table that is committed from its start as it is needed. */
struct table {
	char *base;
	size_t len;		  /* bytes */
	_Atomic size_t committed; /* of those; written under sp.lock */
};

/* A span structure that waits for its next use; it keeps its id. */
struct free_span {
	struct span span;
	struct span *next;
};

enum { COMMIT_STEP = 64 << 10, MIN_RESERVE = 16 << 20 };

static struct {
	struct lock lock;
	struct table map, hpages, spans; /* Guarded by lock. */
	size_t first_hpage;		 /* Set once. */
	_Atomic size_t next_hpage;	 /* Guarded by lock for writing. */
	size_t end_hpage;		 /* Guarded by lock. */
	u32 next_span;			 /* Guarded by lock. */
	struct span *free_spans;	 /* Guarded by lock. */
	size_t reserved;
} sp;

static int table_commit(struct table *t, size_t upto)
{
	size_t want = min_size(align_up(upto, COMMIT_STEP), t->len);
	int err;

	if (upto <= t->committed)
		return 0;
	if (upto > t->len)
		return -ENOMEM;
	err = os_commit(t->base + t->committed, want - t->committed);
	if (!err)
		t->committed = want;
	return err;
}

static void table_init(struct table *t, char **at, size_t len)
{
	*t = (struct table){ .base = *at, .len = align_up(len, COMMIT_STEP) };
	*at += t->len;
}

/* As much of @len as the kernel and the limits grant, by halves. */
static char *reserve(size_t *len)
{
	size_t limit = os_address_space_left();
	char *base;

	/* Leave a quarter to stacks, libraries and mapped files. */
	if (limit != SIZE_MAX)
		*len = min_size(*len, limit / 4 * 3);
	*len = align_down(*len, HPAGE_SIZE);
	for (; *len >= MIN_RESERVE; *len = align_down(*len / 2, HPAGE_SIZE)) {
		base = os_reserve(*len);
		if (base)
			return base;
	}
	return NULL;
}

/**
 * space_init() - reserve the address space of the process
 * @len: bytes wanted; less is taken where less is to be had
 *
 * Return: 0, or -ENOMEM when not even 16 MiB can be reserved.
 */
int space_init(size_t len)
{
	char *got = reserve(&len);
	size_t nr_units, first;
	char *base, *at;

	if (!got)
		return -ENOMEM;
	base = (char *)align_up((uintptr_t)got, HPAGE_SIZE);
	sp.reserved = len;
	nr_units = (got + len - base) >> UNIT_SHIFT;
	at = base;
	table_init(&sp.map, &at, nr_units * sizeof(u64));
	table_init(&sp.hpages, &at,
		   (nr_units / HPAGE_UNITS + 1) * sizeof(struct hpage));
	/* Every span has two units at least, but for a few large ones. */
	table_init(&sp.spans, &at, nr_units / 2 * SPAN_BYTES);
	first = (at - base + HPAGE_SIZE - 1) >> HPAGE_SHIFT;
	sp.first_hpage = first;
	sp.next_hpage = first;
	sp.end_hpage = nr_units / HPAGE_UNITS;
	sp.next_span = 1;
	space.base = base;
	space.hpages = (struct hpage *)sp.hpages.base;
	space.spans = sp.spans.base;
	/* The map's entries below the first huge page are never looked at. */
	sp.map.base += align_down(first * HPAGE_UNITS * sizeof(u64),
				  COMMIT_STEP);
	sp.map.len -= sp.map.base - base;
	sp.hpages.base += align_down(first * sizeof(struct hpage),
				     COMMIT_STEP);
	sp.hpages.len -= sp.hpages.base - (char *)space.hpages;
	return 0;
}

/**
 * space_grow() - take fresh huge pages' worth of address space into use
 * @nr_hpages: how many, contiguous
 *
 * The tables are ready for it; the memory itself is the backend's to map.
 *
 * Return: index of the first one, 0 when the reservation or the memory for the
 * tables is used up.
 */
size_t space_grow(size_t nr_hpages)
{
	size_t first = 0, end;

	lock_acquire(&sp.lock);
	end = sp.next_hpage + nr_hpages;
	if (end > sp.end_hpage || end < nr_hpages ||
	    table_commit(&sp.map, (char *)space_entry(end * HPAGE_UNITS) -
					  sp.map.base) ||
	    table_commit(&sp.hpages,
			 (char *)(space.hpages + end) - sp.hpages.base))
		goto unlock;
	first = sp.next_hpage;
	sp.next_hpage = end;
	__atomic_store_n(&space.nr_units, end * HPAGE_UNITS, __ATOMIC_RELEASE);
unlock:
	lock_release(&sp.lock);
	return first;
}

/**
 * space_shrink() - undo the latest space_grow()
 * @first_hpage: what it returned
 * @nr_hpages: what it was asked for
 *
 * If another growth came in between, the range stays unused for good.
 */
void space_shrink(size_t first_hpage, size_t nr_hpages)
{
	lock_acquire(&sp.lock);
	if (sp.next_hpage == first_hpage + nr_hpages) {
		sp.next_hpage = first_hpage;
		__atomic_store_n(&space.nr_units, first_hpage * HPAGE_UNITS,
				 __ATOMIC_RELEASE);
	}
	lock_release(&sp.lock);
}

/* The lowest huge page there is. */
size_t space_first_hpage(void)
{
	return sp.first_hpage;
}

/* The huge page with which the next growth will start. */
size_t space_end_hpage(void)
{
	return sp.next_hpage;
}

/**
 * space_span_alloc() - a span structure, zero but for its id
 *
 * Return: the span, or NULL when out of memory.
 */
struct span *space_span_alloc(void)
{
	struct span *s;
	u32 id;

	lock_acquire(&sp.lock);
	s = sp.free_spans;
	if (s) {
		id = s->id;
		sp.free_spans = ((struct free_span *)s)->next;
		memset(s, 0, SPAN_BYTES);
		s->id = id;
	} else if (!table_commit(&sp.spans,
				 (sp.next_span + 1UL) * SPAN_BYTES)) {
		id = sp.next_span++;
		s = space_span((u64)id << ENTRY_SPAN_SHIFT);
		s->id = id;
	}
	lock_release(&sp.lock);
	return s;
}

/* Let a span structure go; its units are unmarked already. */
void space_span_free(struct span *s)
{
	lock_acquire(&sp.lock);
	((struct free_span *)s)->next = sp.free_spans;
	sp.free_spans = s;
	lock_release(&sp.lock);
}

/**
 * space_mark() - let units of a span lead to it, or to nothing
 * @s: the span
 * @low: owner and class; 0 takes the marks away
 * @nr_units: how many, from the span's first on
 *
 * Release pairs with acquire in mixed_size().
 */
void space_mark(const struct span *s, u32 low, size_t nr_units)
{
	u64 entry = low ? (u64)s->id << ENTRY_SPAN_SHIFT | low : 0;

	for (size_t i = 0; i < nr_units; i++)
		atomic_store_explicit(space_entry(s->unit + i), entry,
				      memory_order_release);
}

/* Bytes of the tables that are committed. */
size_t space_meta_bytes(void)
{
	return sp.map.committed + sp.hpages.committed + sp.spans.committed;
}

size_t space_reserved_bytes(void)
{
	return sp.reserved;
}

/* For the fork handlers. */
struct lock *space_lock(void)
{
	return &sp.lock;
}
