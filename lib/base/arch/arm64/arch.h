/* SPDX-License-Identifier: MIT */
/*
 * AArch64: the spin hint and the system call instruction.  System calls return
 * a value or -errno and never touch errno, so that free() can't change it.
 */
#ifndef ASHLAR_ARCH_H
#define ASHLAR_ARCH_H

/* isb waits long enough to matter; yield is a no-op on most cores. */
static inline void cpu_relax(void)
{
	asm volatile("isb" ::: "memory");
}

static inline long sys_call(long nr, long a, long b, long c, long d, long e,
			    long f)
{
	register long x8 asm("x8") = nr;
	register long x0 asm("x0") = a;
	register long x1 asm("x1") = b;
	register long x2 asm("x2") = c;
	register long x3 asm("x3") = d;
	register long x4 asm("x4") = e;
	register long x5 asm("x5") = f;

	asm volatile("svc 0"
		     : "+r"(x0)
		     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
		     : "memory");
	return x0;
}

#endif
