// SPDX-License-Identifier: MIT
/*
 * System calls, made directly so that errno stays untouched and nothing that
 * is interposed in libc gets in between.
 */
#include "os/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "arch.h"

enum { MAX_MAPPINGS = 65530 }; /* of vm.max_map_count, unless changed */

size_t os_page_size = 4096;

/**
 * os_init() - read the facts that never change while the process lives
 */
void os_init(void)
{
	unsigned long size = getauxval(AT_PAGESZ);

	if (size)
		os_page_size = size;
}

static long sys_mmap(void *addr, size_t len, int prot, int flags, int fd,
		     u64 offset)
{
	return sys_call(SYS_mmap, (long)addr, len, prot, flags, fd, offset);
}

static bool is_error(long ret)
{
	return (unsigned long)ret > -4096UL;
}

/**
 * os_reserve() - take address space without memory behind it
 * @len: bytes
 *
 * Return: its start, or NULL when the limit on address space forbids it.
 */
void *os_reserve(size_t len)
{
	long ret = sys_mmap(NULL, len, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return is_error(ret) ? NULL : (void *)ret;
}

/**
 * os_commit() - make reserved address space readable and writable
 * @addr: start, page aligned
 * @len: bytes, a multiple of the page size
 *
 * Return: 0, or -ENOMEM when the commit limit or the map count is reached.
 */
int os_commit(void *addr, size_t len)
{
	return sys_call(SYS_mprotect, (long)addr, len, PROT_READ | PROT_WRITE,
			0, 0, 0);
}

/**
 * os_protect_none() - forbid any access to a range
 * @addr: start, page aligned
 * @len: bytes, a multiple of the page size
 *
 * Return: 0 or -errno.
 */
int os_protect_none(void *addr, size_t len)
{
	return sys_call(SYS_mprotect, (long)addr, len, PROT_NONE, 0, 0, 0);
}

/**
 * os_map() - new zeroed memory, for metadata
 * @len: bytes, a multiple of the page size
 *
 * Return: its start, or NULL when out of memory.
 */
void *os_map(size_t len)
{
	long ret = sys_mmap(NULL, len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return is_error(ret) ? NULL : (void *)ret;
}

/**
 * os_map_read() - a file's pages, to be read only
 * @fd: file
 * @len: bytes
 * @offset: offset in the file, bytes
 *
 * Return: their start, or NULL.
 */
void *os_map_read(int fd, size_t len, u64 offset)
{
	long ret = sys_mmap(NULL, len, PROT_READ, MAP_SHARED, fd, offset);

	return is_error(ret) ? NULL : (void *)ret;
}

/**
 * os_unmap() - give address space and memory back
 * @addr: start
 * @len: bytes
 */
void os_unmap(void *addr, size_t len)
{
	sys_call(SYS_munmap, (long)addr, len, 0, 0, 0, 0);
}

/**
 * os_map_fixed() - put a mapping over reserved address space
 * @addr: start, inside a reservation of ours
 * @len: bytes
 * @flags: MAP_SHARED or MAP_PRIVATE and so on; MAP_FIXED is added
 * @fd: file, or -1
 * @offset: offset in the file, bytes
 *
 * Return: 0 or -errno; on failure the range may be unmapped.
 */
int os_map_fixed(void *addr, size_t len, int flags, int fd, u64 offset)
{
	long ret = sys_mmap(addr, len, PROT_READ | PROT_WRITE,
			    flags | MAP_FIXED, fd, offset);

	return is_error(ret) ? ret : 0;
}

/**
 * os_decommit() - turn a range back into a bare reservation
 * @addr: start
 * @len: bytes
 *
 * Return: 0 or -errno.
 */
int os_decommit(void *addr, size_t len)
{
	long ret = sys_mmap(addr, len, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
				    MAP_FIXED,
			    -1, 0);

	return is_error(ret) ? ret : 0;
}

/**
 * os_advise() - madvise(2)
 * @addr: start, page aligned
 * @len: bytes
 * @advice: MADV_*
 *
 * Return: 0 or -errno.
 */
int os_advise(void *addr, size_t len, int advice)
{
	return sys_call(SYS_madvise, (long)addr, len, advice, 0, 0, 0);
}

/**
 * os_move_pages_to() - move the page tables of a range, leaving it empty
 * @from: source, anonymous private memory
 * @to: destination, replaced
 * @len: bytes
 *
 * The source stays mapped and reads as zeroes (MREMAP_DONTUNMAP, Linux 5.7).
 *
 * Return: 0, or -errno with nothing moved.
 */
int os_move_pages_to(void *from, void *to, size_t len)
{
	long ret = sys_call(SYS_mremap, (long)from, len, len,
			    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			    (long)to, 0);

	return is_error(ret) ? ret : 0;
}

static u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (u64)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/**
 * os_now_ms() - monotonic time, cheap and coarse
 *
 * Return: milliseconds, a few of them late at worst.
 */
u64 os_now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE) / 1000000;
}

/**
 * os_now_ns() - monotonic time, exact
 *
 * Return: nanoseconds.
 */
u64 os_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/**
 * os_cpu_ns() - CPU time of this thread
 *
 * Return: nanoseconds.
 */
u64 os_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/**
 * os_open() - open(2) with close-on-exec
 * @path: file
 * @flags: O_*
 *
 * Return: descriptor or -errno.
 */
int os_open(const char *path, int flags)
{
	return sys_call(SYS_openat, AT_FDCWD, (long)path, flags | O_CLOEXEC,
			0644, 0, 0);
}

void os_close(int fd)
{
	sys_call(SYS_close, fd, 0, 0, 0, 0, 0);
}

long os_read(int fd, void *buf, size_t len)
{
	return sys_call(SYS_read, fd, (long)buf, len, 0, 0, 0);
}

long os_write(int fd, const void *buf, size_t len)
{
	return sys_call(SYS_write, fd, (long)buf, len, 0, 0, 0);
}

/**
 * os_read_file() - read the start of a small file as a string
 * @path: file
 * @buf: receives at most @len - 1 bytes and a NUL
 * @len: size of @buf
 *
 * Return: bytes read or -errno.
 */
long os_read_file(const char *path, char *buf, size_t len)
{
	int fd = os_open(path, O_RDONLY);
	size_t got = 0;
	long n = 0;

	if (fd < 0)
		return fd;
	while (got < len - 1) {
		n = os_read(fd, buf + got, len - 1 - got);
		if (n <= 0 && n != -EINTR)
			break;
		if (n > 0)
			got += n;
	}
	os_close(fd);
	buf[got] = '\0';
	return n < 0 ? n : (long)got;
}

/**
 * os_number() - what the text of a file of the kernel's begins with
 * @text: spaces, and decimal digits; else it is 0
 *
 * Return: the number, SIZE_MAX if it is too large for one.
 */
size_t os_number(const char *text)
{
	size_t v = 0;

	while (*text == ' ')
		text++;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *text - '0', &v))
			return SIZE_MAX;
	return v;
}

/**
 * os_max_mappings() - mappings that a process may have
 *
 * Return: vm.max_map_count, or what it is by default where it can't be read.
 */
size_t os_max_mappings(void)
{
	char text[32];

	if (os_read_file("/proc/sys/vm/max_map_count", text, sizeof(text)) < 1)
		return MAX_MAPPINGS;
	return os_number(text);
}

int os_getpid(void)
{
	return sys_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

/**
 * os_random() - random bits of the kernel
 * @buf: receives them
 * @len: bytes, at most 256
 *
 * Return: @len, or -errno: -EAGAIN where the kernel has none yet.
 */
long os_random(void *buf, size_t len)
{
	return sys_call(SYS_getrandom, (long)buf, len, GRND_NONBLOCK, 0, 0, 0);
}

/**
 * os_address_space_left() - the limit on this process's address space
 *
 * Return: RLIMIT_AS in bytes, SIZE_MAX when unlimited.
 */
size_t os_address_space_left(void)
{
	struct rlimit64 r;

	if (sys_call(SYS_prlimit64, 0, RLIMIT_AS, 0, (long)&r, 0, 0) ||
	    r.rlim_cur == RLIM64_INFINITY)
		return SIZE_MAX;
	return r.rlim_cur;
}
