/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fail points and re-opened traps, for the test build only.
 *
 * A test build (make TEST=1) can make the n-th failing step fail, and can leave
 * out each mend of a known trap, so that its test is shown to notice.  In the
 * normal build all of this is constant false and costs nothing.
 */
#ifndef ASHLAR_FAILPOINT_H
#define ASHLAR_FAILPOINT_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <uapi/linux/ashlar.h>

struct vm_operations_struct;

/* Steps that can be made to fail. */
enum failpoint {
	FAIL_POOL	= BIT(0),	/* the pool reads empty */
	FAIL_HUGE	= BIT(1),	/* no huge page to be had */
	FAIL_SMALL	= BIT(2),	/* no base page to be had */
	FAIL_CHARGE	= BIT(3),	/* the memory cgroup refuses */
	FAIL_META	= BIT(4),	/* no memory for what describes memory */
	FAIL_FILE	= BIT(5),	/* no region file */
	FAIL_MAP	= BIT(6),	/* no page table for base pages */
	FAIL_INIT	= BIT(7),	/* a part of the module does not start */
};

/* Mends that can be left out. */
enum trap {
	TRAP_ISIZE	= BIT(0),	/* region files end where they should not */
	TRAP_UNPARKED	= BIT(1),	/* pages without a mapping: futexes break */
	TRAP_INFLIGHT	= BIT(2),	/* zap without waiting for faults in flight */
	TRAP_FORKLOCK	= BIT(3),	/* fork without locking all VMAs */
	TRAP_MKWRITE	= BIT(4),	/* page_mkwrite from the start */
	TRAP_PINNED	= BIT(6),	/* pinned pages shared at fork */
	TRAP_HIDE	= BIT(7),	/* the core maps a broken slot's huge page */
	TRAP_DUMP	= BIT(9),	/* a core dump populates holes */
	TRAP_RECYCLE	= BIT(10),	/* used pages go back to the pool unzeroed */
	TRAP_TICKET	= BIT(11),	/* anybody may mremap a region */
	TRAP_MAPPAGES	= BIT(12),	/* no map_pages: faults need the mmap lock */
	TRAP_HINTS	= BIT(13),	/* no get_policy: NUMA hinting faults */
	TRAP_UNZEROED	= BIT(14),	/* the pool's pages are not zeroed */
	TRAP_LEAK	= BIT(15),	/* what was let go of is not freed */
};

#if defined(ASHLAR_TEST) && defined(CONFIG_FAULT_INJECTION)
/* The kernel's own n-th failure, as /proc/self/fail-nth has it. */
static inline unsigned int swap_fail_nth(unsigned int n)
{
	return xchg(&current->fail_nth, n);
}
#else
static inline unsigned int swap_fail_nth(unsigned int n)
{
	return n;
}
#endif

#ifdef ASHLAR_TEST
bool should_fail_at(enum failpoint point);
bool trap_open(enum trap trap);
void trap_widen(void);
void trap_count_fault(unsigned int flags);
void trap_load_begin(void);
void trap_load_end(void);
const struct vm_operations_struct *
trap_vma_ops(const struct vm_operations_struct *ops);
bool trap_is_vma_ops(const struct vm_operations_struct *ops);

static inline u64 failpoint_features(void)
{
	return ASHLAR_FEAT_TESTBUILD;
}
#else
static inline u64 failpoint_features(void)
{
	return 0;
}

static inline bool should_fail_at(enum failpoint point)
{
	return false;
}

static inline bool trap_open(enum trap trap)
{
	return false;
}

static inline void trap_widen(void)
{
}

static inline void trap_count_fault(unsigned int flags)
{
}

static inline void trap_load_begin(void)
{
}

static inline void trap_load_end(void)
{
}

static inline const struct vm_operations_struct *
trap_vma_ops(const struct vm_operations_struct *ops)
{
	return ops;
}

static inline bool trap_is_vma_ops(const struct vm_operations_struct *ops)
{
	return false;
}
#endif

#endif /* ASHLAR_FAILPOINT_H */
