// SPDX-License-Identifier: MIT
/*
 * Descriptors that are known again by device and inode.  The module's has a
 * file of its own (lib/backend/device.c): it is opened anew when lost.
 */
#include "os/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "arch.h"
#include "os/sys.h"

/* Above the numbers that programs close in loops, if the limit allows. */
enum { FD_ABOVE = 500, FD_ABOVE_LOW = 100 };

static int identify(int fd, u64 *ret_dev, u64 *ret_ino)
{
	struct statx st;
	int err = sys_call(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_INO,
			   (long)&st, 0);

	if (err)
		return err;
	*ret_dev = (u64)st.stx_dev_major << 32 | st.stx_dev_minor;
	*ret_ino = st.stx_ino;
	return 0;
}

static long dup_above(int fd, int min)
{
	return sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, min, 0, 0, 0);
}

/**
 * os_fd_keep() - a descriptor of one's own for an open file
 * @f: receives it, close-on-exec and out of the way
 * @fd: open; it stays open
 *
 * Return: 0 or -errno.
 */
int os_fd_keep(struct os_fd *f, int fd)
{
	int err = identify(fd, &f->dev, &f->ino);
	long high;

	f->fd = -1;
	if (err)
		return err;
	high = dup_above(fd, FD_ABOVE);
	if (high == -EINVAL)
		high = dup_above(fd, FD_ABOVE_LOW);
	if (high < 0)
		return high;
	f->fd = high;
	return 0;
}

/* Is a number in use? */
bool os_fd_is_open(int fd)
{
	return sys_call(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0;
}

/* Is it still what it was? */
bool os_fd_is_ours(const struct os_fd *f)
{
	u64 dev, ino;

	return f->fd >= 0 && !identify(f->fd, &dev, &ino) && dev == f->dev &&
	       ino == f->ino;
}

/* Let it go; if it is something else by now, that is the program's. */
void os_fd_close(struct os_fd *f)
{
	if (os_fd_is_ours(f))
		os_close(f->fd);
	f->fd = -1;
}
