/* SPDX-License-Identifier: MIT */
/*
 * Any other CPU: no spin hint, and system calls through libc with errno put
 * back as it was.
 */
#ifndef ASHLAR_ARCH_H
#define ASHLAR_ARCH_H

#include <errno.h>
#include <unistd.h>

static inline void cpu_relax(void)
{
	asm volatile("" ::: "memory");
}

static inline long sys_call(long nr, long a, long b, long c, long d, long e,
			    long f)
{
	int saved = errno;
	long ret = syscall(nr, a, b, c, d, e, f);

	if (ret == -1) {
		ret = -errno;
		errno = saved;
	}
	return ret;
}

#endif
