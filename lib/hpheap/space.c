// SPDX-License-Identifier: MIT
/*
 * The reservation, its tables, and how they grow.  Memory is handed out here a
 * number of huge pages at a time and never comes back: the node heaps recycle.
 */
#include "hpheap/space.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "hpheap/hpage.h"
#include "os/ranges.h"
#include "os/sys.h"
#include "rt/conf.h"
#include "rt/random.h"

struct space space;

/* A table that is committed from its start as it is needed. */
struct table {
	char *base;
	size_t len;		  /* bytes */
	_Atomic size_t committed; /* of those; written under sp.lock */
};

/*
 * 4 KiB of span structures.  Groups with a free one are in a list; what is free
 * is a bit here and nothing in the structure, so that a group without a span in
 * use can go back to the kernel.
 */
struct span_group {
	u32 free;
	u32 next : 31;	 /* index + 1, 0: the last */
	u32 is_clean : 1; /* given back and not used since */
};

enum {
	COMMIT_STEP = 64 << 10,
	MIN_RESERVE = 16 << 20,
	RANDOM_SHARE = 16, /* of the reservation: most to leave out */
	GROUP_SPANS = 32,
	GROUP_BYTES = GROUP_SPANS * SPAN_BYTES,
	GROUP_EMPTY = -1,     /* struct span_group, free */
	TRIM_FROM = 16,	      /* groups; not worth a walk below */
	TRIM_MOST = 1024,     /* in one go, the lock being held */
};

static struct {
	struct lock lock;
	struct table map, hpages, spans, groups, notes; /* Guarded by lock. */
	size_t first_hpage, first_note;	 /* Set once. */
	_Atomic size_t next_hpage;	 /* Guarded by lock for writing. */
	size_t end_hpage;		 /* Guarded by lock. */
	u32 first_group;		 /* Guarded by lock. */
	/* Groups: all, without a span in use, and of those given back. */
	_Atomic u32 nr_groups, nr_empty, nr_clean; /* Written under lock. */
	_Atomic size_t nr_noted; /* units */
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

/*
 * What a growth that failed had committed counts against limits: let it go.  Of
 * the map, that is: nobody looks up what was never handed out.  Walks over huge
 * pages may be under way beyond the end; their table, a 16th, stays.
 */
static void table_shrink(struct table *t, size_t upto)
{
	size_t keep = align_up(upto, COMMIT_STEP);

	if (keep < t->committed &&
	    !os_decommit(t->base + keep, t->committed - keep))
		t->committed = keep;
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

/*
 * The heap starts right behind the tables; in a hardened process there is a gap
 * without access, of a random part of the reservation.
 */
static size_t first_hpage(size_t first, size_t end)
{
	size_t most = (end - first) / RANDOM_SHARE;

	if (!conf.harden || !most)
		return first;
	return first + 1 + random_below(most);
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
	table_init(&sp.groups, &at,
		   nr_units / 2 / GROUP_SPANS * sizeof(struct span_group));
	table_init(&sp.notes, &at, nr_units * NOTE_BYTES);
	first = first_hpage((at - base + HPAGE_SIZE - 1) >> HPAGE_SHIFT,
			    nr_units / HPAGE_UNITS);
	sp.first_hpage = first;
	sp.next_hpage = first;
	sp.end_hpage = nr_units / HPAGE_UNITS;
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
	sp.first_note = align_down(first * HPAGE_UNITS * NOTE_BYTES,
				   COMMIT_STEP);
	sp.notes.base += sp.first_note;
	sp.notes.len -= sp.first_note;
	return 0;
}

/* Bytes of the map in use when huge pages below @end are; lock held. */
static size_t map_len(size_t end)
{
	return (char *)space_entry(end * HPAGE_UNITS) - sp.map.base;
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
	if (end > sp.end_hpage || end < nr_hpages)
		goto unlock;
	if (table_commit(&sp.map, map_len(end)) ||
	    table_commit(&sp.hpages,
			 (char *)(space.hpages + end) - sp.hpages.base)) {
		table_shrink(&sp.map, map_len(sp.next_hpage));
		goto unlock;
	}
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
		table_shrink(&sp.map, map_len(first_hpage));
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

static struct span_group *group_at(u32 i)
{
	return (struct span_group *)sp.groups.base + i;
}

/* Lock held.  The group has a free span. */
static void group_push(u32 i)
{
	group_at(i)->next = sp.first_group;
	sp.first_group = i + 1;
}

/* Lock held. */
static bool group_add(void)
{
	u32 i = sp.nr_groups;

	if (table_commit(&sp.spans, (i + 1UL) * GROUP_BYTES) ||
	    table_commit(&sp.groups, (i + 1UL) * sizeof(struct span_group)))
		return false;
	sp.nr_groups++;
	/* An id of 0 would make an entry of 0. */
	group_at(i)->free = i ? GROUP_EMPTY : GROUP_EMPTY - 1;
	group_at(i)->is_clean = true;
	sp.nr_clean += i > 0;
	group_push(i);
	return true;
}

/* A free span's id; lock held. */
static u32 group_take(u32 i)
{
	struct span_group *g = group_at(i);
	unsigned int bit = ctz64(g->free);

	if (g->free == (u32)GROUP_EMPTY) {
		sp.nr_clean -= g->is_clean;
		sp.nr_empty -= !g->is_clean;
	}
	g->is_clean = false;
	g->free &= g->free - 1;
	if (!g->free)
		sp.first_group = g->next;
	return i * GROUP_SPANS + bit;
}

/**
 * space_span_alloc() - a span structure, zero but for its id
 *
 * Return: the span, or NULL when out of memory.
 */
struct span *space_span_alloc(void)
{
	struct span *s = NULL;
	u32 id;

	lock_acquire(&sp.lock);
	if (sp.first_group || group_add()) {
		id = group_take(sp.first_group - 1);
		s = space_span((u64)id << ENTRY_SPAN_SHIFT);
		memset(s, 0, SPAN_BYTES);
		s->id = id;
	}
	lock_release(&sp.lock);
	return s;
}

/* Let a span structure go; its units are unmarked already. */
void space_span_free(struct span *s)
{
	u32 i = s->id / GROUP_SPANS;
	struct span_group *g = group_at(i);

	lock_acquire(&sp.lock);
	if (!g->free)
		group_push(i);
	g->free |= 1U << (s->id % GROUP_SPANS);
	sp.nr_empty += g->free == (u32)GROUP_EMPTY;
	lock_release(&sp.lock);
}

/* End of the groups from @i on that can go back, at most @most; lock held. */
static u32 empty_end(u32 i, u32 most)
{
	u32 end = i;

	while (end < sp.nr_groups && end - i < most &&
	       group_at(end)->free == (u32)GROUP_EMPTY &&
	       !group_at(end)->is_clean)
		end++;
	return end;
}

/* Groups [@i, @end) to the kernel, as far as they are whole pages. */
static u32 groups_discard(u32 i, u32 end)
{
	u32 grain = max_size(os_page_size / GROUP_BYTES, 1);
	u32 lo = align_up(i, grain), hi = align_down(end, grain);

	if (lo >= hi || os_advise(sp.spans.base + (size_t)lo * GROUP_BYTES,
				  (size_t)(hi - lo) * GROUP_BYTES,
				  MADV_DONTNEED))
		return 0;
	for (i = lo; i < hi; i++)
		group_at(i)->is_clean = true;
	sp.nr_empty -= hi - lo;
	sp.nr_clean += hi - lo;
	return hi - lo;
}

/* Used ones first, lowest first, so that others empty; lock held. */
static void groups_sort(void)
{
	sp.first_group = 0;
	for (u32 i = sp.nr_groups; i-- > 0;)
		if (group_at(i)->free == (u32)GROUP_EMPTY)
			group_push(i);
	for (u32 i = sp.nr_groups; i-- > 0;)
		if (group_at(i)->free && group_at(i)->free != (u32)GROUP_EMPTY)
			group_push(i);
}

/**
 * space_trim() - give back memory of span structures that are free
 *
 * Return: true if there is more to give back.
 */
bool space_trim(void)
{
	u32 done = 0, end;

	if (sp.nr_empty < TRIM_FROM)
		return false;
	lock_acquire(&sp.lock);
	groups_sort();
	for (u32 i = 0; i < sp.nr_groups && done < TRIM_MOST; i = end + 1) {
		end = empty_end(i, TRIM_MOST - done);
		if (end > i)
			done += groups_discard(i, end);
	}
	lock_release(&sp.lock);
	return done == TRIM_MOST;
}

/* Where the notes on units from @unit on are, committed or not. */
static char *note_at(size_t unit)
{
	return sp.notes.base - sp.first_note + unit * NOTE_BYTES;
}

/**
 * space_notes() - room for what an owner notes on its units
 * @unit: first one
 * @nr_units: how many
 *
 * Return: NOTE_BYTES for each, with whatever was left there, until
 * space_notes_end(); NULL when out of memory.
 */
void *space_notes(size_t unit, size_t nr_units)
{
	size_t end = note_at(unit + nr_units) - sp.notes.base;
	int err = 0;

	if (end > sp.notes.committed) {
		lock_acquire(&sp.lock);
		err = table_commit(&sp.notes, end);
		lock_release(&sp.lock);
	}
	if (err)
		return NULL;
	sp.nr_noted += nr_units;
	return note_at(unit);
}

/* Notes on so many units are of no use any more. */
void space_notes_end(size_t nr_units)
{
	sp.nr_noted -= nr_units;
}

/* A range more, joined to the last one, @r, if it lies behind it. */
static bool join(struct os_range *r, char *addr, size_t len)
{
	if ((char *)r->addr + r->len == addr) {
		r->len += len;
		return true;
	}
	*++r = (struct os_range){ addr, len };
	return false;
}

/* May there be notes on a huge page? */
static bool has_notes(size_t hpage)
{
	return note_at(hpage * HPAGE_UNITS) <
	       sp.notes.base + sp.notes.committed;
}

/**
 * space_forget() - give back the page map's part for huge pages, and the notes
 * @hpages: their indices; nothing of them is in use nor can be taken meanwhile
 * @nr: how many, FORGET_MAX at most
 */
void space_forget(const size_t *hpages, unsigned int nr)
{
	struct os_range ranges[2 * FORGET_MAX + 1] = { { NULL, 0 } };
	unsigned int n = 0;

	if (HPAGE_UNITS * sizeof(u64) % os_page_size)
		return;
	for (unsigned int i = 0; i < nr; i++)
		n += !join(&ranges[n],
			   (char *)space_entry(hpages[i] * HPAGE_UNITS),
			   HPAGE_UNITS * sizeof(u64));
	for (unsigned int i = 0; i < nr; i++)
		if (has_notes(hpages[i]))
			n += !join(&ranges[n], note_at(hpages[i] * HPAGE_UNITS),
				   HPAGE_UNITS * NOTE_BYTES);
	if (n > 1 && os_discard_many(ranges + 1, n) >= 0)
		return;
	for (unsigned int i = 1; i <= n; i++)
		os_advise(ranges[i].addr, ranges[i].len, MADV_DONTNEED);
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

/*
 * Bytes of the tables that are committed and not given back; of the notes, those
 * that are of use.
 */
size_t space_meta_bytes(void)
{
	size_t clean = sp.nr_clean, spans = sp.nr_groups - clean;

	return sp.map.committed + sp.hpages.committed + sp.groups.committed +
	       spans * GROUP_BYTES + sp.nr_noted * NOTE_BYTES;
}

size_t space_reserved_bytes(void)
{
	return sp.reserved;
}

/**
 * space_table_bytes() - what the tables take
 * @nr_units: of address space in use
 *
 * Return: bytes, but for those of spans.
 */
size_t space_table_bytes(size_t nr_units)
{
	return nr_units * sizeof(u64) +
	       nr_units / HPAGE_UNITS * sizeof(struct hpage);
}

/* For the fork handlers. */
struct lock *space_lock(void)
{
	return &sp.lock;
}
