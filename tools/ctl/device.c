// SPDX-License-Identifier: MIT
/*
 * The module as seen through its device; see device.h.
 */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNTER(field) \
	{ \
#field, offsetof(struct ashlar_stats, ret_##field) \
	}

const struct device_counter device_counters[] = {
	COUNTER(pool),	      COUNTER(zeroing),
	COUNTER(mapped),      COUNTER(parked),
	COUNTER(shared),      COUNTER(allocated),
	COUNTER(freed),	      COUNTER(small),
	COUNTER(regions),     COUNTER(pool_hits),
	COUNTER(pool_misses), COUNTER(fallbacks),
	COUNTER(remote),      COUNTER(zeroed),
	COUNTER(zero_ns),     COUNTER(shrunk),
	COUNTER(discarded),   COUNTER(fork_shared),
	COUNTER(fork_copied), COUNTER(cow_huge),
	COUNTER(cow_base),    COUNTER(cow_reused),
	COUNTER(folded),      COUNTER(fold_pages),
	COUNTER(fold_busy),   COUNTER(remaps),
	COUNTER(collapsed),   COUNTER(broken),
	COUNTER(moved),	      COUNTER(charge_fails),
	COUNTER(quota_fails), COUNTER(cow_dense),
		COUNTER(cow_bytes), {NULL, 0},
};

uint64_t device_counter(const struct ashlar_stats *stats,
			const struct device_counter *counter)
{
	uint64_t value;

	memcpy(&value, (const char *)stats + counter->offset, sizeof(value));
	return value;
}

static int map_status(struct device *dev)
{
	void *page;

	if (!(dev->info.ret_features & ASHLAR_FEAT_STATUS))
		return 0;
	page = mmap(NULL, dev->info.ret_status_len, PROT_READ, MAP_SHARED,
		    dev->fd, dev->info.ret_status_offset);
	if (page == MAP_FAILED)
		return -errno;
	dev->status = page;
	return 0;
}

/**
 * device_open() - open the device and learn what module is behind it
 * @dev: where
 * @path: the device node
 *
 * Return: 0; -ENOTTY if it is not Ashlar's; -EPROTO if the module speaks a
 * newer ABI; or what open(2) and mmap(2) say.
 */
int device_open(struct device *dev, const char *path)
{
	int err;

	*dev = (struct device){.info.size = sizeof(dev->info)};
	dev->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (dev->fd < 0)
		return -errno;
	err = ioctl(dev->fd, ASHLAR_IOC_INFO, &dev->info) ? -errno : 0;
	if (!err && dev->info.ret_abi > ASHLAR_ABI_VERSION)
		err = -EPROTO;
	if (!err)
		err = map_status(dev);
	if (err)
		close(dev->fd);
	return err;
}

void device_close(struct device *dev)
{
	if (dev->status)
		munmap((void *)dev->status, dev->info.ret_status_len);
	close(dev->fd);
}

/* The module's counters, those it does not have as zero. */
int device_stats(const struct device *dev, struct ashlar_stats *ret_stats)
{
	struct ashlar_stats stats = {.size = sizeof(stats)};

	if (ioctl(dev->fd, ASHLAR_IOC_STATS, &stats))
		return -errno;
	*ret_stats = stats;
	return 0;
}

/* Copy what lies within the page; 0, or -EBADMSG for an absurd layout. */
static int copy_status(const struct ashlar_status *page, size_t len,
		       struct ashlar_status *ret_status,
		       struct ashlar_status_node *ret_nodes, uint32_t max_nodes)
{
	size_t step, offset;
	uint32_t nr;

	memcpy(ret_status, page, sizeof(*ret_status));
	step = ret_status->node_stride;
	offset = ret_status->node_offset;
	nr = ret_status->nr_nodes;
	if (nr > max_nodes)
		nr = max_nodes;
	if (step < sizeof(*ret_nodes) || offset < sizeof(*ret_status) ||
	    offset > len || (len - offset) / step < nr)
		return -EBADMSG;
	for (uint32_t i = 0; i < nr; i++)
		memcpy(&ret_nodes[i], (const char *)page + offset + i * step,
		       sizeof(*ret_nodes));
	ret_status->nr_nodes = nr;
	return 0;
}

/**
 * device_status() - a consistent copy of a status page
 * @page: the mapped page
 * @len: its length in bytes
 * @ret_status: its head; nr_nodes is at most @max_nodes
 * @ret_nodes: room for @max_nodes entries
 * @max_nodes: how many at most
 *
 * Return: 0; -EAGAIN if no quiet moment was found in many tries (its writer
 * died, or never stops); -EBADMSG if the page's layout makes no sense.
 */
int device_status(const struct ashlar_status *page, size_t len,
		  struct ashlar_status *ret_status,
		  struct ashlar_status_node *ret_nodes, uint32_t max_nodes)
{
	enum { TRIES = 10000 };

	if (len < sizeof(*page))
		return -EBADMSG;
	for (int i = 0; i < TRIES; i++) {
		/* Pairs with the module's write of an even seq at the end. */
		uint32_t seq = __atomic_load_n(&page->seq, __ATOMIC_ACQUIRE);
		int err;

		if (seq & 1) {
			sched_yield();
			continue;
		}
		err = copy_status(page, len, ret_status, ret_nodes, max_nodes);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&page->seq, __ATOMIC_RELAXED) == seq)
			return err;
	}
	return -EAGAIN;
}

static void explain_access(const char *path, char *ret_text, size_t len)
{
	const struct group *group = NULL;
	struct stat st;

	if (!stat(path, &st) && st.st_gid)
		group = getgrgid(st.st_gid);
	if (group)
		snprintf(ret_text, len,
			 "%s: permission denied; run as root or as a member of "
			 "group %s",
			 path, group->gr_name);
	else
		snprintf(ret_text, len,
			 "%s: permission denied; run as root, or give the node "
			 "to a group: chgrp GROUP %s",
			 path, path);
}

/**
 * device_explain() - what device_open()'s error means and how to mend it
 * @path: the device node
 * @err: the negative errno
 * @ret_text: one line
 * @len: room for so many bytes
 */
void device_explain(const char *path, int err, char *ret_text, size_t len)
{
	int is_loaded = !access("/sys/module/ashlar", F_OK);

	if (err == -ENOENT && is_loaded)
		snprintf(ret_text, len,
			 "%s: no such node, though the module is loaded; udev "
			 "or devtmpfs makes it, or `mknod %s c MAJOR MINOR` "
			 "with the numbers in /sys/class/misc/ashlar/dev",
			 path, path);
	else if ((err == -ENOENT || err == -ENXIO || err == -ENODEV) &&
		 !is_loaded)
		snprintf(ret_text, len,
			 "%s: the module is not loaded; `modprobe ashlar`, or "
			 "`insmod build/kmod/$(uname -r)/ashlar.ko` from a "
			 "source tree",
			 path);
	else if (err == -EACCES || err == -EPERM)
		explain_access(path, ret_text, len);
	else if (err == -ENOTTY)
		snprintf(ret_text, len, "%s: not Ashlar's device", path);
	else if (err == -EPROTO)
		snprintf(ret_text, len,
			 "%s: the module speaks a newer ABI than %d, which "
			 "this ashlarctl knows; use the one that came with it",
			 path, ASHLAR_ABI_VERSION);
	else
		snprintf(ret_text, len, "%s: %s", path, strerror(-err));
}
