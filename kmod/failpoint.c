// SPDX-License-Identifier: GPL-2.0-only
/*
 * The switches of a test build, as module parameters.
 *
 *	fail	bits of enum failpoint that fail always
 *	nth	n > 0: the n-th step from now fails, whichever it is; counts
 *		down, and is 0 once it was reached
 *	traps	bits of enum trap: these mends are left out
 *	widen	microseconds of sleep inside the known race windows
 *	load_nth  n > 0: the kernel's n-th allocation of those that loading this
 *		module makes fails; what is left of n if there were fewer
 *	vmalocked  faults so far that held no more than the VMA lock
 */
#include "failpoint.h"

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "compat.h"

static unsigned int fail;
module_param(fail, uint, 0600);
MODULE_PARM_DESC(fail, "test: fail points that fail always");

static atomic_t nth = ATOMIC_INIT(0);

static int nth_set(const char *val, const struct kernel_param *kp)
{
	int n, err;

	err = kstrtoint(val, 0, &n);
	if (!err)
		atomic_set(&nth, n);
	return err;
}

static int nth_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", atomic_read(&nth));
}

static const struct kernel_param_ops nth_ops = {
	.set = nth_set,
	.get = nth_get,
};
module_param_cb(nth, &nth_ops, NULL, 0600);
MODULE_PARM_DESC(nth, "test: the n-th step from now fails");

static unsigned int traps;
module_param(traps, uint, 0600);
MODULE_PARM_DESC(traps, "test: mends left out");

static unsigned int widen;
module_param(widen, uint, 0600);
MODULE_PARM_DESC(widen, "test: microseconds of sleep in race windows");

static unsigned int load_nth;
module_param(load_nth, uint, 0400);
MODULE_PARM_DESC(load_nth, "test: the n-th allocation of loading fails");

static unsigned int vmalocked;
module_param(vmalocked, uint, 0400);
MODULE_PARM_DESC(vmalocked, "test: faults under a VMA lock alone");

bool should_fail_at(enum failpoint point)
{
	if (READ_ONCE(fail) & point)
		return true;
	return atomic_dec_if_positive(&nth) == 0;
}

bool trap_open(enum trap trap)
{
	return READ_ONCE(traps) & trap;
}

void trap_widen(void)
{
	unsigned int us = READ_ONCE(widen);

	if (us)
		usleep_range(us, us * 2);
}

/* The loader's own failures are no affair of ours: ours alone are counted. */
void trap_load_begin(void)
{
	if (load_nth)
		swap_fail_nth(load_nth);
}

void trap_load_end(void)
{
	if (load_nth)
		load_nth = swap_fail_nth(0);
}

/* Not exact: a test compares it to none. */
void trap_count_fault(unsigned int flags)
{
	if (flags & FAULT_FLAG_VMA_LOCK)
		WRITE_ONCE(vmalocked, READ_ONCE(vmalocked) + 1);
}

static struct vm_operations_struct trapped_ops;

/*
 * What a new VMA gets instead of @ops.  One set for all: a test has no VMA left
 * when it opens the next trap.
 */
const struct vm_operations_struct *
trap_vma_ops(const struct vm_operations_struct *ops)
{
	if (!trap_open(TRAP_MAPPAGES) && !trap_open(TRAP_HINTS))
		return ops;
	trapped_ops = *ops;
	if (trap_open(TRAP_MAPPAGES))
		trapped_ops.map_pages = NULL;
	if (trap_open(TRAP_HINTS))
		trapped_ops.get_policy = NULL;
	return &trapped_ops;
}

bool trap_is_vma_ops(const struct vm_operations_struct *ops)
{
	return ops == &trapped_ops;
}
