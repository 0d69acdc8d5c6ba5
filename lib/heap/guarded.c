// SPDX-License-Identifier: MIT
/*
 * A run of units: guard, the program's units, guard.  The map entry of the first
 * unit of the program's leads to all that is known of it, out of line.
 *
 * A freed one waits in the quarantine without memory and without access.  It
 * counts little there, since what waits is address space.
 */
#include "heap/guarded.h"

#include "heap/canary.h"
#include "heap/large.h"
#include "heap/misuse.h"
#include "heap/quarantine.h"
#include "hpheap/guard.h"
#include "hpheap/hpheap.h"
#include "hpheap/space.h"
#include "os/sys.h"

enum {
	WEIGHT_SHARE = 64, /* of its bytes, what a waiting one counts */
	ROOM_SHARE = 4,
};

struct guarded {
	struct span span; /* the program's units */
	u32 nr_before, nr_behind; /* units of the guards */
	u8 before, behind, cover; /* enum guard */
	atomic_bool is_free;
	size_t size;
};

static_assert(sizeof(struct guarded) <= SPAN_BYTES, "too large for a span");

static struct guarded *guarded_of(u64 entry)
{
	return (struct guarded *)space_span(entry);
}

static size_t len_of(const struct guarded *g)
{
	return (size_t)g->span.nr_units << UNIT_SHIFT;
}

static size_t page_units(void)
{
	return max_size(os_page_size >> UNIT_SHIFT, 1);
}

static size_t units_of(size_t size)
{
	size_t nr = (max_size(size, 1) + UNIT_SIZE - 1) >> UNIT_SHIFT;

	return align_up(nr, page_units());
}

/* Units for all of it, and the span; NULL when there are none. */
static struct guarded *take(size_t nr, size_t nr_before, size_t nr_behind,
			    size_t align_units, struct run *ret_run)
{
	struct guarded *g = (struct guarded *)space_span_alloc();

	if (!g)
		return NULL;
	if (!large_take(nr_before + nr + nr_behind, align_units, ret_run)) {
		space_span_free(&g->span);
		return NULL;
	}
	g->span.unit = ret_run->unit + nr_before;
	g->span.nr_units = nr;
	g->nr_before = nr_before;
	g->nr_behind = nr_behind;
	return g;
}

/**
 * guarded_alloc() - allocate a run of units between guards
 * @size: bytes, at most PTRDIFF_MAX
 * @align: bytes, a power of two; above a page there is no guard before the block
 * @room: to grow into?
 * @ret_stale: bytes from its start on that may differ from zero
 *
 * Return: the memory, or NULL when there is none.
 */
void *guarded_alloc(size_t size, size_t align, enum guarded_room room,
		    size_t *ret_stale)
{
	size_t nr = units_of(size), page = page_units();
	size_t more = room == GUARDED_ROOMY ? nr / ROOM_SHARE : 0;
	size_t align_units = max_size(align >> UNIT_SHIFT, page);
	struct guarded *g;
	struct run run;
	char *p;

	g = take(nr, align_units > page ? 0 : page,
		 page + align_up(more, page), align_units, &run);
	if (!g)
		return NULL;
	if (g->nr_before)
		g->before = guard_set(run.unit, g->nr_before);
	g->behind = guard_set(g->span.unit + nr, g->nr_behind);
	g->size = size;
	p = space_addr(g->span.unit);
	canary_pad(p, size, len_of(g));
	space_mark(&g->span, CLASS_LARGE, 1);
	large_account(nr, 1);
	*ret_stale = (run.nr_stale - min_size(run.nr_stale, g->nr_before))
		     << UNIT_SHIFT;
	return p;
}

static void check(const struct guarded *g, const void *p)
{
	if (p != space_addr(g->span.unit))
		misuse_die(MISUSE_INVALID, p);
	if (atomic_load_explicit(&g->is_free, memory_order_relaxed))
		misuse_die(MISUSE_DOUBLE, p);
	if (!canary_pad_holds(p, g->size, len_of(g)))
		misuse_die(MISUSE_OVERFLOW, p);
}

/* Bytes of the program's; ends the process if it is no live block. */
size_t guarded_size(u64 entry, const void *p)
{
	const struct guarded *g = guarded_of(entry);

	check(g, p);
	return g->size;
}

/* Give the memory back; the units stay in use. */
static void discard(size_t unit, size_t nr)
{
	while (nr) {
		struct hollow part = {
			.unit = unit,
			.nr_units = min_size(nr, HPAGE_UNITS -
							 unit % HPAGE_UNITS),
		};

		if (hpheap_hollow_how(unit) == HOLLOW_PARTS)
			hpheap_hollow(&part, 1);
		unit += part.nr_units;
		nr -= part.nr_units;
	}
}

/**
 * guarded_free() - a block is freed: let it wait, or release it
 * @entry: its page map entry
 * @p: the block
 */
void guarded_free(u64 entry, void *p)
{
	struct guarded *g = guarded_of(entry);
	size_t weight = len_of(g) / WEIGHT_SHARE + UNIT_SIZE;

	check(g, p);
	if (atomic_exchange(&g->is_free, true))
		misuse_die(MISUSE_DOUBLE, p);
	large_account(-(ptrdiff_t)g->span.nr_units, -1);
	if (quarantine_accepts(weight)) {
		discard(g->span.unit, g->span.nr_units);
		g->cover = guard_set(g->span.unit, g->span.nr_units);
	}
	if (!quarantine_push(p, weight))
		guarded_release(entry);
}

/**
 * guarded_release() - a freed block has waited: its units are free again
 * @entry: its page map entry
 *
 * What the kernel does not make accessible again stays in use for good.
 */
void guarded_release(u64 entry)
{
	struct guarded *g = guarded_of(entry);
	size_t unit = g->span.unit, nr = g->span.nr_units;
	size_t end = unit + nr;
	bool ok;

	space_mark(&g->span, 0, 1);
	ok = guard_clear(unit, nr, g->cover);
	ok &= guard_clear(unit - g->nr_before, g->nr_before, g->before);
	ok &= guard_clear(end, g->nr_behind, g->behind);
	if (ok)
		hpheap_free(unit - g->nr_before,
			    g->nr_before + nr + g->nr_behind);
	space_span_free(&g->span);
}

/* Take @more units from the guard behind, if it leaves a page. */
static bool grow(struct guarded *g, size_t more)
{
	size_t end = g->span.unit + g->span.nr_units;

	if (more + page_units() > g->nr_behind ||
	    !guard_cut(end, more, g->behind))
		return false;
	g->span.nr_units += more;
	g->nr_behind -= more;
	large_account(more, 0);
	return true;
}

/**
 * guarded_resize() - change the size in place
 * @entry: page map entry
 * @p: the block
 * @size: new size, bytes
 *
 * Return: false, with nothing changed, where it takes another place.
 */
bool guarded_resize(u64 entry, void *p, size_t size)
{
	struct guarded *g = guarded_of(entry);
	size_t nr = units_of(size);

	check(g, p);
	if (nr < g->span.nr_units ||
	    (nr > g->span.nr_units && !grow(g, nr - g->span.nr_units)))
		return false;
	g->size = size;
	canary_pad(p, size, len_of(g));
	return true;
}
