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

/*
 * A thread-local structure as an address in the segment of the thread pointer.
 * gcc alone would add the thread pointer first to change a word in place.  The
 * sanitizers do not know segments.
 */
#if defined(__SEG_FS) && !defined(__clang__) && \
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#define TLS_SEGMENT __seg_fs

#define tls_here(type, name) \
	({ \
		type TLS_SEGMENT *here; \
		asm("movq " #name "@gottpoff(%%rip), %0" : "=c"(here)); \
		here; \
	})

/*
 * Set a pointer.  Not through an addition in memory: that loads the word once
 * more, and calls that follow each other wait for it.
 */
static inline void tls_set(void **TLS_SEGMENT *at, void **to)
{
	asm volatile("movq %1, %0" : "=m"(*at) : "r"(to) : "memory");
}

/* Move a pointer by @nr words. */
static inline void tls_advance(void **TLS_SEGMENT *at, long nr)
{
	asm volatile("addq %1, %0"
		     : "+m"(*at)
		     : "er"(nr * (long)sizeof(void *))
		     : "memory", "cc");
}

#endif

#endif
