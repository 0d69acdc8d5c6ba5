// SPDX-License-Identifier: MIT
/*
 * Large allocations.  Only the first unit of one is marked in the page map:
 * nothing but its start is ever looked up.
 */
#include "heap/large.h"

#include <string.h>

#include "backend/backend.h"
#include "heap/misuse.h"
#include "heap/press.h"
#include "heap/theap.h"
#include "hpheap/hpheap.h"
#include "hpheap/place.h"
#include "os/sys.h"

/* Of threads without a heap; others count there. */
static struct large_figures homeless;

static size_t units_of(size_t size)
{
	return (size + UNIT_SIZE - 1) >> UNIT_SHIFT;
}

/**
 * large_take() - units of this thread's node, at the limit after everything
 *	free has gone back
 * @nr_units: how many
 * @align_units: alignment, a power of two
 * @ret_run: where they are
 *
 * Return: false when there are none.
 */
bool large_take(size_t nr_units, size_t align_units, struct run *ret_run)
{
	struct hpheap *h = hpheap_get(place_node());

	if (!h || nr_units > UINT32_MAX || align_units > UINT32_MAX)
		return false;
	if (!hpheap_alloc(h, nr_units, align_units, ret_run) ||
	    (press_relieve() &&
	     !hpheap_alloc(h, nr_units, align_units, ret_run)))
		return true;
	press_refused();
	return false;
}

/*
 * Count units and allocations that come, or go.  The figures of one heap wrap
 * below 0 when its thread frees what others allocated; the sums do not.
 */
void large_account(ptrdiff_t nr_units, int nr)
{
	struct theap *h = tcache.heap;

	if (h) {
		counter_add(&h->large.bytes, nr_units * UNIT_SIZE);
		counter_add(&h->large.count, nr);
		return;
	}
	atomic_fetch_add_explicit(&homeless.bytes, nr_units * UNIT_SIZE,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&homeless.count, nr, memory_order_relaxed);
}

/* Run @s is an allocation from now on. */
void *large_begin(const struct span *s)
{
	space_mark(s, CLASS_LARGE, 1);
	large_account(s->nr_units, 1);
	return space_addr(s->unit);
}

/**
 * large_alloc() - allocate a run of units
 * @size: bytes, at most PTRDIFF_MAX
 * @align: bytes, a power of two
 * @ret_stale: bytes from its start on that may differ from zero
 *
 * Return: the memory, or NULL when there is none.
 */
void *large_alloc(size_t size, size_t align, size_t *ret_stale)
{
	size_t nr_units = units_of(max_size(size, 1));
	size_t align_units = max_size(align >> UNIT_SHIFT, 1);
	struct span *s = space_span_alloc();
	struct run run;

	if (!s)
		return NULL;
	if (!large_take(nr_units, align_units, &run)) {
		space_span_free(s);
		return NULL;
	}
	s->unit = run.unit;
	s->nr_units = nr_units;
	*ret_stale = run.nr_stale << UNIT_SHIFT;
	return large_begin(s);
}

/**
 * large_end() - a large allocation is none any more
 * @entry: its page map entry
 * @p: what large_alloc() returned
 *
 * The mark goes by a compare-and-swap, so that of two threads freeing the same
 * block one is told.
 *
 * Return: its run, for large_release() or large_begin().
 */
struct span *large_end(u64 entry, void *p)
{
	struct span *s = space_span(entry);

	if ((uintptr_t)p % UNIT_SIZE)
		misuse_die(MISUSE_INVALID, p);
	if (!atomic_compare_exchange_strong(space_entry(space_unit(p)), &entry,
					    0))
		misuse_die(MISUSE_DOUBLE, p);
	large_account(-(ptrdiff_t)s->nr_units, -1);
	return s;
}

/* Give a run back to the huge-page heap. */
void large_release(struct span *s)
{
	size_t unit = s->unit, nr_units = s->nr_units;

	space_span_free(s);
	hpheap_free(unit, nr_units);
}

/**
 * large_free() - free a large allocation
 * @entry: its page map entry
 * @p: what large_alloc() returned
 */
void large_free(u64 entry, void *p)
{
	large_release(large_end(entry, p));
}

/* Bytes that may be used of a large allocation. */
size_t large_usable(u64 entry)
{
	return (size_t)space_span(entry)->nr_units << UNIT_SHIFT;
}

/**
 * large_resize() - change the size in place
 * @entry: page map entry
 * @p: the allocation
 * @size: new size, above SMALL_MAX
 *
 * Return: @p, or NULL with nothing changed if the units behind are in use.
 */
void *large_resize(u64 entry, void *p, size_t size)
{
	struct span *s = space_span(entry);
	size_t old = s->nr_units, new = units_of(size);

	if (new > UINT32_MAX)
		return NULL;
	if (new > old && !hpheap_extend(s->unit, old, new))
		return NULL;
	s->nr_units = new;
	if (new < old)
		hpheap_free(s->unit + new, old - new);
	large_account(new - old, 0);
	return p;
}

/*
 * All of the huge pages of a range come from one backend that can move, which it
 * does by mappings: none of them has advice of its own.
 */
static const struct backend_ops *mover(size_t unit, size_t nr_hpages)
{
	const struct hpage *hp = &space.hpages[unit / HPAGE_UNITS];
	unsigned int backend = hp->backend;

	for (size_t i = 0; i < nr_hpages; i++)
		if (hp[i].backend != backend || hp[i].is_small)
			return NULL;
	return backend_get(backend);
}

/**
 * large_move() - a larger allocation with the same contents, moved not copied
 * @entry: page map entry
 * @p: the allocation; its start is huge-page aligned
 * @size: new size
 *
 * Whole huge pages change place by their page tables; only the rest is copied.
 *
 * Return: the new allocation, @p being freed; or NULL with nothing changed if
 * that does not work here.
 */
void *large_move(u64 entry, void *p, size_t size)
{
	size_t old = large_usable(entry);
	size_t movable = align_down(old, HPAGE_SIZE);
	const struct backend_ops *from, *to;
	size_t stale;
	char *new;

	if (!movable || (uintptr_t)p % HPAGE_SIZE)
		return NULL;
	from = mover(space_unit(p), movable >> HPAGE_SHIFT);
	if (!from)
		return NULL;
	new = large_alloc(size, HPAGE_SIZE, &stale);
	if (!new)
		return NULL;
	to = mover(space_unit(new), movable >> HPAGE_SHIFT);
	if (from != to || from->move(p, new, movable)) {
		/* A failed move may have unmapped its destination. */
		if (from == to && (os_decommit(new, movable) ||
				   to->map(new, movable)))
			return NULL; /* a hole: never to be handed out again */
		large_free(space_load(new), new);
		return NULL;
	}
	memcpy(new + movable, (char *)p + movable, old - movable);
	large_free(entry, p);
	return new;
}

/* Bytes in large allocations now. */
size_t large_bytes(void)
{
	size_t n = counter_read(&homeless.bytes);

	for (struct theap *h = theap_next(NULL); h; h = theap_next(h))
		n += counter_read(&h->large.bytes);
	return n;
}

size_t large_count(void)
{
	size_t n = counter_read(&homeless.count);

	for (struct theap *h = theap_next(NULL); h; h = theap_next(h))
		n += counter_read(&h->large.count);
	return n;
}
