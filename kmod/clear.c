// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zeroes for a whole hunk, past the cache.
 *
 * A pool's page is zeroed long before it is used, so its zeroes need not be in
 * a cache; and 2 MiB of them drive out what the CPU's other tasks have there.
 * Stores that bypass the cache also save reading each line before it is
 * written.  make bench-zero measures both.
 *
 * Only where the page allocator does not zero by itself: what it has zeroed is
 * in the cache already, and to do it again would be twice the work.
 */
#include "clear.h"

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "failpoint.h"
#include "hunk.h"

/**
 * clear_is_ours() - whether the page allocator leaves zeroing to its callers
 *
 * It does not with init_on_alloc=1 (Debian's default) or init_on_free=1; and
 * only on x86 does the kernel have stores that bypass the cache.
 */
bool clear_is_ours(void)
{
	return IS_ENABLED(CONFIG_X86_64) && !want_init_on_alloc(0) &&
	       !want_init_on_free();
}

/**
 * clear_hunk() - zero a huge page
 * @page: head of a hunk, nobody else's
 */
void clear_hunk(struct page *page)
{
	const void *zeroes = page_address(ZERO_PAGE(0));
	unsigned long i;
	void *to;

	if (trap_open(TRAP_UNZEROED))
		return;
	for (i = 0; i < HUNK_NR; i++) {
		to = kmap_local_page(nth_page(page, i));
		memcpy_flushcache(to, zeroes, PAGE_SIZE);
		kunmap_local(to);
	}
	wmb(); /* such stores are not ordered before the page is handed on */
}
