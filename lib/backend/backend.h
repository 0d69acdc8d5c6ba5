/* SPDX-License-Identifier: MIT */
/*
 * Where huge pages come from: one ops table per source.  The address space is
 * already reserved when these are called; a backend puts memory behind it.
 * All ranges are multiples of 2 MiB unless said otherwise.
 */
#ifndef ASHLAR_BACKEND_BACKEND_H
#define ASHLAR_BACKEND_BACKEND_H

#include "base/bitmap.h"
#include "os/ranges.h"

enum backend_id {
	BK_PLAIN,
	BK_THP,
	BK_HUGETLB,
	BK_DEV,
	NR_BACKENDS,
};

struct backend_ops {
	const char *name;
	/* Pages of it are huge from their first touch on. */
	bool is_huge;
	/*
	 * A block that must read as zeroes is discarded rather than cleared from
	 * so many bytes of whole huge pages on; 0: never.
	 */
	size_t discard_min;
	/*
	 * Put zeroed memory behind reserved address space.  0 or -errno, with
	 * the range reserved as before on failure.
	 */
	int (*map)(void *addr, size_t len);
	/*
	 * Give the memory behind a range back; it reads as zeroes afterwards.
	 * The range is a multiple of the base page size.  0 or -errno, with
	 * the contents unchanged or zero.
	 */
	int (*discard)(void *addr, size_t len);
	/*
	 * The same for several ranges by one call.  Bytes given back from the
	 * first range on; -errno if that is refused, -ENOSYS if there is no such
	 * call.  NULL: one by one.
	 */
	long (*discard_many)(const struct os_range *ranges, unsigned int nr);
	/*
	 * Give back a part of one huge page: bit n of @keep keeps unit n.
	 * NULL where discard() of each free run does it.  0, or -errno with
	 * nothing changed.
	 */
	int (*break_hpage)(void *addr, const struct bitmap *keep);
	/*
	 * Keep the kernel from making a range huge by itself, or let it again.
	 * 0 or -errno.  NULL where it never does.
	 */
	int (*stay_small)(void *addr, size_t len, bool is_small);
	/*
	 * Back a range now, with zeroes, as its first touch would; what it
	 * holds stays.  0 or -errno.  NULL where that is of no use.
	 */
	int (*populate)(void *addr, size_t len);
	/* Make a populated range huge.  0 or -errno. */
	int (*collapse)(void *addr, size_t len);
	/*
	 * After a fork: bring a range that was copied page by page back onto
	 * its huge pages.  0, -EBUSY while a relative shares some of it, -EAGAIN
	 * if some was left, or -errno.  NULL where there is nothing to be done.
	 */
	int (*refold)(void *addr, size_t len);
	/* Move page tables from one range to another (os_move_pages_to()). */
	int (*move)(void *from, void *to, size_t len);
};

extern const struct backend_ops backend_plain, backend_thp, backend_hugetlb,
	backend_dev;

/* How large the heap is, where the backend is not prescribed. */
enum backend_want {
	WANT_SMALL, /* small pages will do... */
	WANT_READY, /* ...or huge ones that are ready: the device's... */
	WANT_HUGE,  /* ...or any huge ones */
};

const struct backend_ops *backend_get(enum backend_id id);
int backend_map(void *addr, size_t len, enum backend_want want,
		enum backend_id *ret_id);
bool backend_has_refold(void);
u64 backend_fallbacks(void);
void backend_after_fork(void);

#endif
