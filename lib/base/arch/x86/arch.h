/* SPDX-License-Identifier: MIT */
/*
 * x86-64: the pause hint and the system call instruction.  System calls return
 * a value or -errno and never touch errno, so that free() can't change it.
 */
#ifndef ASHLAR_ARCH_H
#define ASHLAR_ARCH_H

static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}

static inline long sys_call(long nr, long a, long b, long c, long d, long e,
			    long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
		       "r"(r9)
		     : "rcx", "r11", "memory");
	return ret;
}

#endif
