// SPDX-License-Identifier: MIT
/*
 * The backends on anonymous memory: plain pages, transparent huge pages, and
 * hugetlb.
 */
#include "backend/backend.h"

#include <errno.h>
#include <sys/mman.h>

#include "os/sys.h"
#include "os/thp.h"
#include "rt/conf.h"

/* MADV_POPULATE_WRITE, Linux 5.14; MADV_COLLAPSE, Linux 6.1 */
enum { ADVISE_POPULATE_WRITE = 23, ADVISE_COLLAPSE = 25 };

/*
 * Blocks of this size glibc always maps anew (DEFAULT_MMAP_THRESHOLD_MAX), so that
 * calloc() has nothing to clear.  Below, memset() takes less time than faults.
 */
enum { ANON_DISCARD_MIN = 32 << 20 };

/* Small pages even where THP is "always", if that is what was asked for. */
static int plain_map(void *addr, size_t len)
{
	int err = os_commit(addr, len);

	if (!err && conf.backend == BACKEND_PLAIN)
		os_advise(addr, len, MADV_NOHUGEPAGE);
	return err;
}

static int anon_discard(void *addr, size_t len)
{
	return os_advise(addr, len, MADV_DONTNEED);
}

static int anon_populate(void *addr, size_t len)
{
	return os_advise(addr, len, ADVISE_POPULATE_WRITE);
}

static int anon_collapse(void *addr, size_t len)
{
	return os_advise(addr, len, ADVISE_COLLAPSE);
}

/*
 * The kernel may lack THP, or keep them from this process: the memory is good
 * all the same, but it is another backend's then, so that nobody takes it for
 * huge.  The advice stays, should they be switched on later.
 */
static int thp_map(void *addr, size_t len)
{
	int err = os_commit(addr, len);

	if (err)
		return err;
	os_advise(addr, len, MADV_HUGEPAGE);
	return os_thp_is_possible() ? 0 : -EOPNOTSUPP;
}

static int thp_stay_small(void *addr, size_t len, bool is_small)
{
	return os_advise(addr, len, is_small ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
}

static int hugetlb_map(void *addr, size_t len)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		    HPAGE_SHIFT << MAP_HUGE_SHIFT;
	int err = os_map_fixed(addr, len, flags, -1, 0);

	if (err)
		os_decommit(addr, len);
	return err;
}

/* Only whole huge pages can go back. */
static int hugetlb_discard(void *addr, size_t len)
{
	if (((uintptr_t)addr | len) % HPAGE_SIZE)
		return -EINVAL;
	return os_advise(addr, len, MADV_DONTNEED);
}

static int no_break(void *addr, const struct bitmap *keep)
{
	(void)addr;
	(void)keep;
	return -EOPNOTSUPP;
}

static int no_collapse(void *addr, size_t len)
{
	(void)addr;
	(void)len;
	return -EOPNOTSUPP;
}

static int no_move(void *from, void *to, size_t len)
{
	(void)from;
	(void)to;
	(void)len;
	return -EOPNOTSUPP;
}

const struct backend_ops backend_plain = {
	.name = "plain",
	.discard_min = ANON_DISCARD_MIN,
	.map = plain_map,
	.discard = anon_discard,
	.discard_many = os_discard_many,
	.populate = anon_populate,
	.collapse = anon_collapse,
	.move = os_move_pages_to,
};

const struct backend_ops backend_thp = {
	.name = "thp",
	.is_huge = true,
	.discard_min = ANON_DISCARD_MIN,
	.map = thp_map,
	.discard = anon_discard,
	.discard_many = os_discard_many,
	.stay_small = thp_stay_small,
	.populate = anon_populate,
	.collapse = anon_collapse,
	.move = os_move_pages_to,
};

const struct backend_ops backend_hugetlb = {
	.name = "hugetlb",
	.is_huge = true,
	.map = hugetlb_map,
	.discard = hugetlb_discard,
	.break_hpage = no_break,
	.collapse = no_collapse,
	.move = no_move,
};
