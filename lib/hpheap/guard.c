// SPDX-License-Identifier: MIT
/*
 * Setting guard pages and taking them away.
 *
 * Linux 6.13 and later mark pages in the page tables, which leaves the mapping
 * whole.  Before, and for memory of the module, each guard is a mapping of its
 * own and splits the one around it in two: there may be as many as take half of
 * the mappings that the kernel allows the process.  One guard less is better
 * than a program that can map no file.
 */
#include "hpheap/guard.h"

#include "hpheap/space.h"
#include "os/sys.h"
#include "rt/conf.h"

/* MADV_GUARD_INSTALL and MADV_GUARD_REMOVE, Linux 6.13 */
enum { ADVISE_GUARD_INSTALL = 102, ADVISE_GUARD_REMOVE = 103 };

enum { MAPS_OF_GUARD = 2 };

static struct {
	bool has_markers; /* Set once. */
	u32 most;	  /* by mprotect.  Set once. */
	_Atomic u32 nr_protected, nr_marked;
	_Atomic u64 nr_refused;
} guards;

static bool try_marker(void)
{
	void *page = os_map(os_page_size);
	bool ok;

	if (!page)
		return false;
	ok = !os_advise(page, os_page_size, ADVISE_GUARD_INSTALL);
	os_unmap(page, os_page_size);
	return ok;
}

/**
 * guard_init() - find out what this kernel offers
 */
void guard_init(void)
{
	guards.has_markers =
		conf.guard_pages == GUARD_PAGES_AUTO && try_marker();
	guards.most = min_size(os_max_mappings() / 2 / MAPS_OF_GUARD,
			       UINT32_MAX);
}

/*
 * A range of several mappings may fail half-way.  What can't be undone then is
 * a guard all the same: nobody must take it for memory.
 */
static bool protect(void *addr, size_t len)
{
	return !os_protect_none(addr, len) || os_commit(addr, len);
}

static enum guard set_mapping(void *addr, size_t len)
{
	if (atomic_fetch_add_explicit(&guards.nr_protected, 1,
				      memory_order_relaxed) < guards.most &&
	    protect(addr, len))
		return GUARD_PROTECTED;
	atomic_fetch_sub_explicit(&guards.nr_protected, 1,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&guards.nr_refused, 1, memory_order_relaxed);
	return GUARD_NONE;
}

static bool set_markers(void *addr, size_t len)
{
	if (!guards.has_markers)
		return false;
	if (!os_advise(addr, len, ADVISE_GUARD_INSTALL))
		return true;
	os_advise(addr, len, ADVISE_GUARD_REMOVE); /* those of a part */
	return false;
}

/**
 * guard_set() - forbid any access to units in use
 * @unit: first one
 * @nr_units: how many, whole base pages; what they hold is lost
 *
 * Return: by which means; they are guards until guard_clear().
 */
enum guard guard_set(size_t unit, size_t nr_units)
{
	void *addr = space_addr(unit);
	size_t len = nr_units << UNIT_SHIFT;

	if (conf.guard_pages == GUARD_PAGES_OFF)
		return GUARD_NONE;
	if (!set_markers(addr, len))
		return set_mapping(addr, len);
	atomic_fetch_add_explicit(&guards.nr_marked, 1, memory_order_relaxed);
	return GUARD_MARKED;
}

/**
 * guard_cut() - make a guard smaller: allow access to units at one end of it
 * @unit: first one
 * @nr_units: how many
 * @how: what guard_set() returned
 *
 * Return: false if the kernel refuses, as it does where it has no mapping left:
 * they are not to be touched then.
 */
bool guard_cut(size_t unit, size_t nr_units, enum guard how)
{
	void *addr = space_addr(unit);
	size_t len = nr_units << UNIT_SHIFT;
	int err = 0;

	if (how == GUARD_MARKED)
		err = os_advise(addr, len, ADVISE_GUARD_REMOVE);
	else if (how == GUARD_PROTECTED)
		err = os_commit(addr, len);
	if (err)
		atomic_fetch_add_explicit(&guards.nr_refused, 1,
					  memory_order_relaxed);
	return !err;
}

/**
 * guard_clear() - allow access to what is left of a guard
 * @unit: first one
 * @nr_units: how many
 * @how: what guard_set() returned
 *
 * Return: false if the kernel refuses: then they stay a guard for good, and must
 * not be freed.
 */
bool guard_clear(size_t unit, size_t nr_units, enum guard how)
{
	if (!guard_cut(unit, nr_units, how))
		return false;
	if (how == GUARD_MARKED)
		atomic_fetch_sub_explicit(&guards.nr_marked, 1,
					  memory_order_relaxed);
	else if (how == GUARD_PROTECTED)
		atomic_fetch_sub_explicit(&guards.nr_protected, 1,
					  memory_order_relaxed);
	return true;
}

/* Guards there are. */
u64 guard_count(void)
{
	return atomic_load_explicit(&guards.nr_protected,
				    memory_order_relaxed) +
	       atomic_load_explicit(&guards.nr_marked, memory_order_relaxed);
}

/* Times that there was none to be had, or one could not be taken away. */
u64 guard_refused(void)
{
	return atomic_load_explicit(&guards.nr_refused, memory_order_relaxed);
}
