// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call's range, slot by slot.
 *
 * The range must lie in regions of the calling process, but may cover several
 * of them, and VMAs that mprotect() has split.  What it covers is checked before
 * anything is done.
 */
#include "range.h"

#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "hunk.h"
#include "region.h"

/**
 * range_check() - is this a range at all?
 * @addr: start
 * @len: length in bytes
 *
 * Return: 0, or -EINVAL if it is empty, wraps, or is not made of whole hunks.
 */
int range_check(u64 addr, u64 len)
{
	if (!len || (addr | len) & ~HUNK_MASK || addr + len < addr)
		return -EINVAL;
	return 0;
}

/**
 * range_check_mapped() - does it lie in regions of this process?
 * @addr: start
 * @len: length in bytes
 *
 * The mmap lock is held.
 *
 * Return: 0 or -EFAULT.
 */
int range_check_mapped(u64 addr, u64 len)
{
	struct vm_area_struct *vma;
	u64 at = addr, end = addr + len;

	if (addr >= TASK_SIZE || end > TASK_SIZE)
		return -EFAULT;
	while (at < end) {
		if (!region_at(current->mm, at, &vma))
			return -EFAULT;
		at = vma->vm_end;
	}
	return 0;
}

static int walk_one(u64 at, range_fn fn, void *arg)
{
	struct vm_area_struct *vma;
	struct region *region;
	int err = -EFAULT;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	region = region_at(current->mm, at, &vma);
	if (region)
		err = fn(region, vma, (at - region_addr(region, 0)) / HUNK_SIZE,
			 arg);
	mmap_read_unlock(current->mm);
	return err;
}

static int walk_with(u64 addr, u64 nr, const struct range_ops *ops, void *arg)
{
	int err = 0;

	if (ops->before)
		err = ops->before(nr, arg);
	if (!err)
		err = walk_one(addr + nr * HUNK_SIZE, ops->slot, arg);
	if (!err && ops->after)
		err = ops->after(nr, arg);
	return err;
}

/**
 * range_walk_ops() - do something with every slot of a range
 * @addr: start
 * @len: length in bytes
 * @ops: what
 * @arg: handed to @ops
 *
 * The lock is dropped after each slot: others are not kept waiting, and user
 * memory, which may lie anywhere, is touched without it.
 *
 * Return: 0, -EINVAL, -EFAULT, -EINTR, or what one of @ops returned to stop.
 */
int range_walk_ops(u64 addr, u64 len, const struct range_ops *ops, void *arg)
{
	int err = range_check(addr, len);
	u64 nr;

	if (err)
		return err;
	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	err = range_check_mapped(addr, len);
	mmap_read_unlock(current->mm);
	for (nr = 0; !err && nr < len / HUNK_SIZE; nr++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		err = walk_with(addr, nr, ops, arg);
		cond_resched();
	}
	return err;
}

/**
 * range_walk_slots() - the same without user memory
 * @addr: start
 * @len: length in bytes
 * @fn: what
 * @arg: handed to @fn
 *
 * Return: as range_walk_ops().
 */
int range_walk_slots(u64 addr, u64 len, range_fn fn, void *arg)
{
	const struct range_ops ops = { .slot = fn };

	return range_walk_ops(addr, len, &ops, arg);
}
