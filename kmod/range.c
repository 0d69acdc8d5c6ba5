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
	struct region *region;
	u64 at = addr, end = addr + len;

	if (addr >= TASK_SIZE || end > TASK_SIZE)
		return -EFAULT;
	while (at < end) {
		region = region_at(current->mm, at, &vma);
		if (!region)
			return -EFAULT;
		at = region_vma_end(region, vma);
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

static unsigned long run_length(const struct region *region,
				const struct vm_area_struct *vma,
				unsigned long idx, u64 end)
{
	u64 len = min_t(u64, region_vma_end(region, vma), end) -
		  region_addr(region, idx);
	unsigned long nr = DIV_ROUND_UP_ULL(len, HUNK_SIZE);

	return min(nr, RANGE_RUN - idx % RANGE_RUN);
}

/* All of it is mapped if it begins and ends in one VMA. */
static int check_rest(const struct region *region,
		      const struct vm_area_struct *vma, u64 end)
{
	u64 at = region_vma_end(region, vma);

	return end <= at ? 0 : range_check_mapped(at, end - at);
}

/* The first run checks the whole range before it does anything. */
static int walk_run(u64 addr, u64 at, u64 end, range_run_fn fn, void *arg,
		    unsigned long *ret_done)
{
	struct vm_area_struct *vma;
	struct region *region = NULL;
	unsigned long idx;
	int err = -EFAULT;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	if (end <= TASK_SIZE)
		region = region_at(current->mm, at, &vma);
	if (region && (at != addr || !check_rest(region, vma, end))) {
		idx = (at - region_addr(region, 0)) / HUNK_SIZE;
		err = fn(region, vma, idx, run_length(region, vma, idx, end),
			 ret_done, arg);
	}
	mmap_read_unlock(current->mm);
	return err;
}

/**
 * range_walk_runs() - do something with every slot of a range, many at a time
 * @addr: start
 * @len: length in bytes
 * @fn: what
 * @arg: handed to @fn
 *
 * Return: as range_walk_ops().
 */
int range_walk_runs(u64 addr, u64 len, range_run_fn fn, void *arg)
{
	int err = range_check(addr, len);
	unsigned long nr_done;
	u64 at;

	for (at = addr; !err && at < addr + len; at += nr_done * HUNK_SIZE) {
		if (fatal_signal_pending(current))
			return -EINTR;
		nr_done = 0;
		err = walk_run(addr, at, addr + len, fn, arg, &nr_done);
		cond_resched();
	}
	return err;
}

/**
 * struct each - a run taken slot by slot
 * @fn: for each
 * @arg: handed to it
 */
struct each {
	range_fn fn;
	void *arg;
};

/**
 * range_should_pause() - whether to go on at the next run
 *
 * Others wait for the mmap lock, which is held, or for the CPU, or the task is
 * to die.
 */
bool range_should_pause(void)
{
	return mmap_lock_is_contended(current->mm) || need_resched() ||
	       fatal_signal_pending(current);
}

static int run_each(struct region *region, struct vm_area_struct *vma,
		    unsigned long idx, unsigned long nr,
		    unsigned long *ret_done, void *arg)
{
	const struct each *each = arg;
	int err;

	do {
		err = each->fn(region, vma, idx + *ret_done, each->arg);
		if (err)
			return err;
		++*ret_done;
	} while (*ret_done < nr && !range_should_pause());
	return 0;
}

/**
 * range_walk_slots() - do something with every slot, without user memory
 * @addr: start
 * @len: length in bytes
 * @fn: what
 * @arg: handed to @fn
 *
 * Return: as range_walk_ops().
 */
int range_walk_slots(u64 addr, u64 len, range_fn fn, void *arg)
{
	struct each each = { .fn = fn, .arg = arg };

	return range_walk_runs(addr, len, run_each, &each);
}
