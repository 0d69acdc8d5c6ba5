// SPDX-License-Identifier: MIT
/*
 * The trigger asks for a word when tasks have stalled for 150 ms of 2 s: a
 * window that needs no privilege (Linux 6.6).
 */
#include "os/psi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/syscall.h>
#include <time.h>

#include "arch.h"
#include "os/sys.h"

/* With its NUL: the kernel takes the last byte for one. */
static const char trigger[] = "some 150000 2000000";

enum { MAGIC_PROC = 0x9fa0, MAGIC_CGROUP2 = 0x63677270 };

/* Not on any file: another would be overwritten. */
static long set_trigger(int fd)
{
	struct statfs fs;
	long err = sys_call(SYS_fstatfs, fd, (long)&fs, 0, 0, 0, 0);

	if (err)
		return err;
	if (fs.f_type != MAGIC_PROC && fs.f_type != MAGIC_CGROUP2)
		return -EINVAL;
	return os_write(fd, trigger, sizeof(trigger));
}

/**
 * os_psi_open() - watch a source of pressure
 * @psi: receives it
 * @path: a file of pressure stall information, or a FIFO: each time something
 *	is written to it counts as pressure
 *
 * Return: 0, or -errno with nothing open: -EOPNOTSUPP where the kernel counts no
 * pressure, -EPERM where it wants privilege for it, -EINVAL: no such file.
 */
int os_psi_open(struct os_psi *psi, const char *path)
{
	int fd = os_open(path, O_RDWR | O_NONBLOCK);
	struct statx st;
	long err;

	psi->fd.fd = -1;
	if (fd < 0)
		return fd;
	err = sys_call(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_TYPE,
		       (long)&st, 0);
	psi->is_fifo = !err && S_ISFIFO(st.stx_mode);
	if (!err && !psi->is_fifo)
		err = set_trigger(fd);
	if (err >= 0)
		err = os_fd_keep(&psi->fd, fd);
	os_close(fd);
	return err;
}

static void drain(int fd)
{
	char buf[256];

	while (os_read(fd, buf, sizeof(buf)) > 0)
		;
}

/*
 * Sleep where the program has forbidden itself ppoll(2) (seccomp): threads can't
 * do without this call.
 */
static void sleep_otherwise(const struct timespec *timeout)
{
	static u32 never;

	sys_call(SYS_futex, (long)&never, FUTEX_WAIT_PRIVATE, 0, (long)timeout,
		 0, 0);
}

/**
 * os_psi_wait() - sleep until there is pressure
 * @psi: the source, or one that is not open: then just sleep
 * @ms: at most so long
 *
 * A source that is gone is closed, see psi->fd.
 *
 * Return: true if the source says so.
 */
bool os_psi_wait(struct os_psi *psi, long ms)
{
	struct timespec timeout = { ms / 1000, ms % 1000 * 1000000 };
	struct pollfd p = {
		.fd = psi->fd.fd,
		.events = psi->is_fifo ? POLLIN : POLLPRI,
	};
	long n = sys_call(SYS_ppoll, (long)&p, 1, (long)&timeout, 0, 0, 0);

	if (n < 0 && n != -EINTR)
		sleep_otherwise(&timeout);
	if (n <= 0)
		return false;
	if (!os_fd_is_ours(&psi->fd) || p.revents & (POLLNVAL | POLLERR)) {
		os_psi_close(psi);
		return false;
	}
	if (psi->is_fifo)
		drain(psi->fd.fd);
	return p.revents & p.events;
}

void os_psi_close(struct os_psi *psi)
{
	os_fd_close(&psi->fd);
}
