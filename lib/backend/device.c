// SPDX-License-Identifier: MIT
/*
 * The device descriptor is close-on-exec, sits above the numbers that servers
 * close in loops, and is checked against the device number before each use:
 * a program may have closed it and got something else under its number.
 */
#include "backend/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ashlar.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "arch.h"
#include "os/sys.h"
#include "rt/lock.h"

enum { FD_ABOVE = 1000 };

static struct {
	struct lock lock;
	int fd;		  /* -1 none.  Guarded by lock. */
	dev_t rdev;	  /* What fd must be.  Guarded by lock. */
	const char *path; /* Set once. */
	u64 features;	  /* Of the module last opened.  Guarded by lock. */
	size_t status_len; /* Of its status page.  Guarded by lock. */
	int error;	  /* Of the last failure.  Guarded by lock. */
} dev = { .fd = -1, .path = ASHLAR_DEVICE };

static int fd_rdev(int fd, dev_t *ret_rdev)
{
	struct statx st;
	int err = sys_call(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_TYPE,
			   (long)&st, 0);

	if (err)
		return err;
	if (!S_ISCHR(st.stx_mode))
		return -ENODEV;
	*ret_rdev = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	return 0;
}

static long dev_ioctl(int fd, unsigned long cmd, void *arg)
{
	return sys_call(SYS_ioctl, fd, cmd, (long)arg, 0, 0, 0);
}

/* Out of the way of the program's descriptors, as far as the limit allows. */
static int move_high(int fd)
{
	struct rlimit64 r = { .rlim_cur = 0 };
	long high;

	sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&r, 0, 0);
	high = min_size(FD_ABOVE, r.rlim_cur / 2);
	high = sys_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, high, 0, 0, 0);
	if (high < 0)
		return fd;
	os_close(fd);
	return high;
}

/*
 * Why it can't be opened.  Without a number for it the kernel does not even look
 * whether there is such a node.
 */
static int open_error(int err)
{
	struct statx st;
	int missing = 0;

	if (err == -EMFILE || err == -ENFILE)
		missing = sys_call(SYS_statx, AT_FDCWD, (long)dev.path, 0,
				   STATX_TYPE, (long)&st, 0);
	return missing ? missing : err;
}

static int fd_open(void)
{
	struct ashlar_info info = { .size = sizeof(info) };
	int fd = os_open(dev.path, O_RDWR);
	int err;

	if (fd < 0)
		return open_error(fd);
	err = fd_rdev(fd, &dev.rdev);
	if (!err)
		err = dev_ioctl(fd, ASHLAR_IOC_INFO, &info);
	if (!err && info.ret_hunk_size != HPAGE_SIZE)
		err = -EPROTO;
	if (err) {
		os_close(fd);
		return err;
	}
	dev.features = info.ret_features;
	dev.status_len = info.ret_status_len;
	return move_high(fd);
}

/* Lock held.  A descriptor that is the device's for certain, or -errno. */
static int fd_get(void)
{
	dev_t rdev;

	if (dev.fd >= 0 && !fd_rdev(dev.fd, &rdev) && rdev == dev.rdev)
		return dev.fd;
	/* Whatever has the number now is the program's: leave it alone. */
	dev.fd = fd_open();
	return dev.fd;
}

/* Lock held.  Note a failure and pass it on. */
static long note(long ret)
{
	if (ret < 0)
		dev.error = -ret;
	return ret;
}

/**
 * device_open() - see whether the device can be used
 * @path: device node; must stay valid
 *
 * Return: 0 or -errno: -ENOENT no such node, -EACCES no permission, -EPROTO a
 * module with another huge-page size.
 */
int device_open(const char *path)
{
	long ret;

	lock_acquire(&dev.lock);
	dev.path = path;
	ret = note(fd_get());
	lock_release(&dev.lock);
	return ret < 0 ? ret : 0;
}

/**
 * device_map() - put a region of the device over reserved address space
 * @addr: start, 2 MiB aligned
 * @len: bytes, a multiple of 2 MiB
 *
 * Return: 0 or -errno; on failure the range may be unmapped.
 */
int device_map(void *addr, size_t len)
{
	long ret;

	lock_acquire(&dev.lock);
	ret = fd_get();
	if (ret >= 0)
		ret = os_map_fixed(addr, len, MAP_SHARED, ret, 0);
	note(ret);
	lock_release(&dev.lock);
	return ret;
}

/**
 * device_map_status() - the module's status page
 *
 * Return: the page, to be read only, or NULL.
 */
const void *device_map_status(void)
{
	const void *page = NULL;
	int fd;

	lock_acquire(&dev.lock);
	fd = fd_get();
	if (fd >= 0 && dev.features & ASHLAR_FEAT_STATUS)
		page = os_map_read(fd, dev.status_len, ASHLAR_STATUS_OFFSET);
	lock_release(&dev.lock);
	return page;
}

/* One call on the verified descriptor. */
static long device_call(unsigned long cmd, void *arg)
{
	long ret;

	lock_acquire(&dev.lock);
	ret = fd_get();
	if (ret >= 0)
		ret = dev_ioctl(ret, cmd, arg);
	note(ret);
	lock_release(&dev.lock);
	return ret;
}

/**
 * device_discard() - give whole huge pages back
 * @addr: start, 2 MiB aligned
 * @len: bytes, a multiple of 2 MiB
 *
 * Works without the descriptor too: MADV_REMOVE reaches the region by its
 * mapping.
 *
 * Return: 0 or -errno.
 */
int device_discard(void *addr, size_t len)
{
	struct ashlar_discard d = {
		.size = sizeof(d),
		.addr = (uintptr_t)addr,
		.len = len,
	};

	if (!device_call(ASHLAR_IOC_DISCARD, &d))
		return 0;
	return os_advise(addr, len, MADV_REMOVE);
}

/**
 * device_break() - give one sparse huge page back whole, or what is left of it
 * @addr: the huge page, or one that was broken before
 * @keep_pages: one bit a base page: 1 moves its contents to a small page
 *
 * Return: 0, or -errno with nothing changed: -EBUSY pinned or shared, -ENOENT
 * nothing is there, or the module is an older one and it was broken before.
 */
int device_break(void *addr, const u64 *keep_pages)
{
	s32 status = 0;
	struct ashlar_break b = {
		.size = sizeof(b),
		.addr = (uintptr_t)addr,
		.len = HPAGE_SIZE,
		.bitmap = (uintptr_t)keep_pages,
		.status = (uintptr_t)&status,
	};
	long ret = device_call(ASHLAR_IOC_BREAK, &b);

	return ret ? ret : status;
}

/* Make a range huge and have it mapped anew, by one PMD each. */
static long collapse_and_remap(u64 addr, u64 len, u32 flags, void *scratch)
{
	struct ashlar_collapse c = {
		.size = sizeof(c),
		.flags = flags,
		.addr = addr,
		.len = len,
	};
	struct ashlar_ticket t = {
		.size = sizeof(t),
		.addr = addr,
		.len = len,
	};
	long ret = device_call(ASHLAR_IOC_COLLAPSE, &c);

	if (!ret)
		ret = device_call(ASHLAR_IOC_TICKET, &t);
	if (!ret)
		ret = os_move_pages_to((void *)addr, scratch, len);
	os_decommit(scratch, len);
	return ret;
}

enum {
	NR_HINTS = 64,
	FORKED = ASHLAR_HINT_FOLD | ASHLAR_HINT_REMAP, /* what a fork leaves */
	WANTED = FORKED | ASHLAR_HINT_COLLAPSE,
};

/* Adjacent hints that want the same are one call.  Returns how many. */
static unsigned int join(const struct ashlar_hint *hints, unsigned int nr,
			 size_t max_len)
{
	u64 len = hints[0].len;
	unsigned int i;

	for (i = 1; i < nr; i++) {
		if (hints[i].addr != hints[0].addr + len ||
		    !(hints[i].reasons & WANTED) ||
		    len + hints[i].len > max_len)
			break;
		len += hints[i].len;
	}
	return i;
}

/* A ticket is for one VMA, and regions may touch: then hunk by hunk. */
static void refold_range(u64 addr, u64 len, void *scratch)
{
	if (!collapse_and_remap(addr, len, 0, scratch) || len == HPAGE_SIZE)
		return;
	for (u64 at = addr; at < addr + len; at += HPAGE_SIZE)
		collapse_and_remap(at, HPAGE_SIZE, 0, scratch);
}

/* Returns whether a fork had left anything, which may not all have gone. */
static bool act_on(const struct ashlar_hint *hints, unsigned int nr,
		   void *scratch, size_t scratch_len)
{
	bool was_forked = false;

	for (unsigned int i = 0; i < nr;) {
		unsigned int n = join(hints + i, nr - i, scratch_len);
		const struct ashlar_hint *last = &hints[i + n - 1];

		if (hints[i].reasons & WANTED)
			refold_range(hints[i].addr,
				     last->addr + last->len - hints[i].addr,
				     scratch);
		while (n--)
			was_forked |= hints[i++].reasons & FORKED;
	}
	return was_forked;
}

/**
 * device_refold() - undo what a fork did to a range, once the child has gone
 * @addr: start, 2 MiB aligned
 * @len: bytes, a multiple of 2 MiB
 * @scratch: reserved address space, 2 MiB aligned
 * @scratch_len: its length
 *
 * Acts on the module's hints, then ends the special treatment of forked memory.
 * What is on its way through the kernel's per-CPU lists, or being written, is
 * refused at times: all is done once there are no more such hints.
 *
 * Return: 0; -EBUSY while something is still shared; -EAGAIN if something may be
 * left; or -errno.
 */
int device_refold(void *addr, size_t len, void *scratch, size_t scratch_len)
{
	struct ashlar_hint found[NR_HINTS];
	struct ashlar_hints h = {
		.size = sizeof(h),
		.addr = (uintptr_t)addr,
		.len = len,
		.hints = (uintptr_t)found,
		.nr = NR_HINTS,
		.hint_size = sizeof(found[0]),
	};
	struct ashlar_unshare u = {
		.size = sizeof(u),
		.addr = (uintptr_t)addr,
		.len = len,
	};
	u64 end = h.addr + len;
	bool was_forked = false;
	long ret;

	while (h.len) {
		ret = device_call(ASHLAR_IOC_HINTS, &h);
		if (ret)
			return ret;
		was_forked |= act_on(found, h.ret_nr, scratch, scratch_len);
		h.addr = h.ret_next;
		h.len = end - h.addr;
	}
	ret = device_call(ASHLAR_IOC_UNSHARE, &u);
	return !ret && was_forked ? -EAGAIN : ret;
}

/**
 * device_collapse() - make small pages of a range huge, mapped by one PMD each
 * @addr: start, 2 MiB aligned
 * @len: bytes, a multiple of 2 MiB
 * @scratch: reserved address space of the same length
 *
 * Return: 0 or -errno.
 */
int device_collapse(void *addr, size_t len, void *scratch)
{
	return collapse_and_remap((uintptr_t)addr, len, ASHLAR_COLLAPSE_SPARSE,
				  scratch);
}

/* ASHLAR_FEAT_* of the module last opened. */
u64 device_features(void)
{
	return dev.features;
}

/* Why the device failed last, 0 if it never did. */
int device_errno(void)
{
	return dev.error;
}

void device_after_fork(void)
{
	lock_reset(&dev.lock);
}
