// SPDX-License-Identifier: MIT
/*
 * process_madvise(2) on the process itself.  Linux 6.13 allows it to do all
 * that madvise(2) does; 6.15 needs no descriptor for it.  Of a process with
 * several threads it asks the other CPUs once a call to forget what they know
 * of the pages, where madvise() asks once a range.
 */
#include "os/ranges.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "arch.h"

/* PIDFD_SELF_THREAD_GROUP */
enum { SELF = -10001 };

static_assert(sizeof(struct os_range) == sizeof(struct iovec) &&
		      offsetof(struct os_range, len) ==
			      offsetof(struct iovec, iov_len),
	      "not an iovec");

static long discard(const struct os_range *ranges, unsigned int nr)
{
	return sys_call(SYS_process_madvise, SELF, (long)ranges, nr,
			MADV_DONTNEED, 0, 0);
}

/* Asked once, with nothing to do. */
static bool has_call(void)
{
	static _Atomic u8 answer; /* 0: not asked yet; 1: yes; 2: no */

	if (!answer)
		answer = discard(NULL, 0) ? 2 : 1;
	return answer == 1;
}

/**
 * os_discard_many() - give the memory of several ranges back
 * @ranges: page-aligned
 * @nr: how many, 1024 at most
 *
 * Return: bytes given back, from the first range on, up to the first one that
 * the kernel refuses; -errno of that if it is the first; -ENOSYS where the
 * kernel has no such call.
 */
long os_discard_many(const struct os_range *ranges, unsigned int nr)
{
	return has_call() ? discard(ranges, nr) : -ENOSYS;
}
