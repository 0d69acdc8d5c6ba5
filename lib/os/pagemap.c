// SPDX-License-Identifier: MIT
/*
 * /proc/self/pagemap has a word a page.  Without privilege it does not say
 * which page it is, but that it is there and whether nobody else maps it
 * (Linux 4.2).
 */
#include "os/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "arch.h"
#include "os/sys.h"

enum { WORDS = 512 };

static const u64 EXCLUSIVE = 1ULL << 56, PRESENT = 1ULL << 63;

/**
 * os_pagemap_is_shared() - is any page of a range mapped elsewhere, too?
 * @addr: page-aligned
 * @len: bytes, at most 512 base pages
 *
 * A child of a fork maps all that it did not write since.
 *
 * Return: 1 if so, 0 if not, -errno where the kernel does not say.
 */
int os_pagemap_is_shared(const void *addr, size_t len)
{
	u64 words[WORDS];
	int fd = os_open("/proc/self/pagemap", O_RDONLY);
	size_t nr = min_size(len / os_page_size, WORDS);
	long n;

	if (fd < 0)
		return fd;
	n = sys_call(SYS_pread64, fd, (long)words, nr * sizeof(u64),
		     (uintptr_t)addr / os_page_size * sizeof(u64), 0, 0);
	os_close(fd);
	if (n < (long)(nr * sizeof(u64)))
		return n < 0 ? n : -EIO;
	for (size_t i = 0; i < nr; i++)
		if (words[i] & PRESENT && !(words[i] & EXCLUSIVE))
			return 1;
	return 0;
}
