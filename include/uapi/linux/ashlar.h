/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * The user interface of /dev/ashlar: huge pages zeroed ahead of need.
 *
 * This is the whole contract between kernel module and user space.  It is not
 * the sysfs interface (see Documentation/ABI) and holds no policy.  Kernel
 * module and library include this same file.
 *
 * Memory
 *	mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) makes a
 *	region; len and a MAP_FIXED address are multiples of the hunk size
 *	(ASHLAR_IOC_INFO), else EINVAL; ESHUTDOWN while draining.  A region
 *	reads as zeroes, is filled on first touch a hunk at a time, and behaves
 *	like private anonymous memory across fork() in spite of MAP_SHARED.  The
 *	descriptor may be closed while regions live.  mmap at
 *	ASHLAR_STATUS_OFFSET, PROT_READ (else EPERM), gives the status page
 *	(struct ashlar_status).
 *
 * Calls
 *	Every ioctl takes a struct whose first two fields are its size, set by
 *	the caller, and flags.  A size below the first published one is EINVAL.
 *	A size above what the module knows is accepted if the unknown tail is
 *	zero and the whole is no longer than a page, else E2BIG.  Missing fields
 *	count as zero.  Fields named ret_* are written by the module, also when
 *	the call fails half-way, so that a caller sees how far it came; all
 *	others are only read.  Reserved fields must be zero.  A range is [addr,
 *	addr + len), lies wholly in regions of the calling process, and is
 *	aligned to the hunk size.
 *
 * Errors, the same for every call unless its own text says otherwise
 *	ENOTTY		the call is not known here, or not built in: see the
 *			feature bits
 *	EINVAL		bad size, unknown flag, reserved field not zero, range
 *			empty, wrapping or misaligned
 *	E2BIG		a newer struct than the module's, with a field in use; or
 *			one longer than a page
 *	EFAULT		a pointer leads nowhere; or the range is not wholly
 *			within the caller's regions
 *	EINTR		interrupted by a fatal signal
 *	ENOMEM		no memory, or the memory cgroup's limit is reached
 *	EDQUOT		the quota of the open file or of the user is reached
 *	EBUSY		pages are pinned, or shared with a relative; try again
 *	ENODEV		the node named is not there, or has no memory
 *	EACCES		the node named is outside the caller's cpuset
 *	ESHUTDOWN	the module is being drained: no new memory
 */
#ifndef _UAPI_LINUX_ASHLAR_H
#define _UAPI_LINUX_ASHLAR_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ASHLAR_DEVICE		"/dev/ashlar"

/* Raised only if an old caller could misunderstand; additions raise nothing. */
#define ASHLAR_ABI_VERSION	1

/* The hunk: what is handed out, on every page size. */
#define ASHLAR_HUNK_SHIFT	21
#define ASHLAR_HUNK_SIZE	(1ULL << ASHLAR_HUNK_SHIFT)

/* mmap offset of the status page. */
#define ASHLAR_STATUS_OFFSET	(1ULL << 40)

#define ASHLAR_IOC_TYPE		0xe5

enum {
	ASHLAR_CMD_INFO		= 0x00,
	ASHLAR_CMD_STATS	= 0x01,
	ASHLAR_CMD_QUERY	= 0x02,
	ASHLAR_CMD_DISCARD	= 0x10,
	ASHLAR_CMD_POPULATE	= 0x11,
	ASHLAR_CMD_FOLD		= 0x12,
	ASHLAR_CMD_COLLAPSE	= 0x13,
	ASHLAR_CMD_TICKET	= 0x14,
	ASHLAR_CMD_UNSHARE	= 0x15,
	ASHLAR_CMD_BREAK	= 0x16,
	ASHLAR_CMD_MOVE		= 0x17,
	ASHLAR_CMD_POLICY	= 0x20,
	ASHLAR_CMD_QUOTA	= 0x21,
	ASHLAR_CMD_HINTS	= 0x22,
};

/* Feature bits of struct ashlar_info: what this module can do. */
#define ASHLAR_FEAT_STATS	(1ULL << 0)
#define ASHLAR_FEAT_QUERY	(1ULL << 1)
#define ASHLAR_FEAT_DISCARD	(1ULL << 2)
#define ASHLAR_FEAT_POPULATE	(1ULL << 3)
#define ASHLAR_FEAT_FOLD	(1ULL << 4)
#define ASHLAR_FEAT_COLLAPSE	(1ULL << 5)
#define ASHLAR_FEAT_TICKET	(1ULL << 6)
#define ASHLAR_FEAT_UNSHARE	(1ULL << 7)
#define ASHLAR_FEAT_BREAK	(1ULL << 8)
#define ASHLAR_FEAT_MOVE	(1ULL << 9)
#define ASHLAR_FEAT_POLICY	(1ULL << 10)
#define ASHLAR_FEAT_QUOTA	(1ULL << 11)
#define ASHLAR_FEAT_HINTS	(1ULL << 12)
#define ASHLAR_FEAT_STATUS	(1ULL << 13)	/* the status page */
#define ASHLAR_FEAT_POLL	(1ULL << 14)	/* poll() and read() of events */
#define ASHLAR_FEAT_COW_BASE	(1ULL << 15)	/* forked memory copied by base page */
#define ASHLAR_FEAT_PMD		(1ULL << 16)	/* a hunk is mapped by one PMD */
#define ASHLAR_FEAT_TESTBUILD	(1ULL << 63)	/* carries fail points: not for production */

/**
 * struct ashlar_info - ASHLAR_IOC_INFO: what the module is
 * @size: sizeof(struct ashlar_info)
 * @flags: must be zero
 * @ret_abi: ASHLAR_ABI_VERSION of the module
 * @ret_nr_nodes: one past the highest possible node number
 * @ret_features: ASHLAR_FEAT_*
 * @ret_hunk_size: bytes in a hunk
 * @ret_page_size: bytes in a base page
 * @ret_status_offset: mmap offset of the status page
 * @ret_status_len: bytes to map there
 */
struct ashlar_info {
	__u32 size;
	__u32 flags;
	__u32 ret_abi;
	__u32 ret_nr_nodes;
	__u64 ret_features;
	__u64 ret_hunk_size;
	__u64 ret_page_size;
	__u64 ret_status_offset;
	__u64 ret_status_len;
};

#define ASHLAR_IOC_INFO		_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_INFO)

/**
 * struct ashlar_discard - ASHLAR_IOC_DISCARD: the range reads as zeroes again
 * @size: sizeof(struct ashlar_discard)
 * @flags: must be zero
 * @addr: start of the range
 * @len: its length in bytes
 * @ret_done: hunks that held memory and hold none now
 *
 * The memory goes back to the machine as whole huge pages.  A page that
 * something else still pins keeps its contents for the pinner.
 */
struct ashlar_discard {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 ret_done;
};

#define ASHLAR_IOC_DISCARD	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_DISCARD)

/* All hunks of the range, or none: on failure what was attached is taken back. */
#define ASHLAR_POPULATE_ALL	(1U << 0)
/* Huge pages only: ENOMEM rather than small pages, EBUSY where some are. */
#define ASHLAR_POPULATE_HUGE	(1U << 1)
/* The same, of the pool only: ENOMEM rather than zeroing here. */
#define ASHLAR_POPULATE_POOL	(1U << 2)
/* Attach and charge only, leave the page tables to the first touch. */
#define ASHLAR_POPULATE_NOMAP	(1U << 3)

/**
 * struct ashlar_populate - ASHLAR_IOC_POPULATE: attach memory now
 * @size: sizeof(struct ashlar_populate)
 * @flags: ASHLAR_POPULATE_*
 * @addr: start of the range
 * @len: its length in bytes
 * @ret_done: hunks of the range, counted from its start, that hold memory now
 * @ret_new: hunks attached by this call
 *
 * The memory is charged to the caller's memory cgroup as it is attached.
 */
struct ashlar_populate {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 ret_done;
	__u64 ret_new;
};

#define ASHLAR_IOC_POPULATE	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_POPULATE)

/**
 * struct ashlar_fold - ASHLAR_IOC_FOLD: copied pages back into their huge page
 * @size: sizeof(struct ashlar_fold)
 * @flags: must be zero
 * @addr: start of the range
 * @len: its length in bytes
 * @ret_folded: hunks that became whole
 * @ret_pages: base pages copied back
 * @ret_busy: base pages left because they are pinned or still shared
 * @ret_shared: hunks left because a relative still uses the huge page
 *
 * Allocates nothing.  A hunk that became whole is still mapped by base pages:
 * see ASHLAR_IOC_TICKET.  What is busy or shared is no error.
 */
struct ashlar_fold {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 ret_folded;
	__u64 ret_pages;
	__u64 ret_busy;
	__u64 ret_shared;
};

#define ASHLAR_IOC_FOLD		_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_FOLD)

/* Also collapse hunks of which some base pages were never touched. */
#define ASHLAR_COLLAPSE_SPARSE	(1U << 0)
/* Zeroed pages of the pool only. */
#define ASHLAR_COLLAPSE_POOL	(1U << 1)

/**
 * struct ashlar_collapse - ASHLAR_IOC_COLLAPSE: small pages become huge ones
 * @size: sizeof(struct ashlar_collapse)
 * @flags: ASHLAR_COLLAPSE_*
 * @addr: start of the range
 * @len: its length in bytes
 * @ret_collapsed: hunks that are backed by one huge page now and were not
 * @ret_pages: base pages copied
 * @ret_busy: hunks left because of pinned or shared pages
 * @ret_nomem: hunks left for want of a huge page
 *
 * Folds where a huge page is already there, takes a new one where not.  As
 * with ASHLAR_IOC_FOLD the mapping by one PMD comes with ASHLAR_IOC_TICKET.
 */
struct ashlar_collapse {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 ret_collapsed;
	__u64 ret_pages;
	__u64 ret_busy;
	__u64 ret_nomem;
};

#define ASHLAR_IOC_COLLAPSE	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_COLLAPSE)

/**
 * struct ashlar_ticket - ASHLAR_IOC_TICKET: allow one mremap() of the range
 * @size: sizeof(struct ashlar_ticket)
 * @flags: must be zero
 * @addr: start of the range
 * @len: its length in bytes
 *
 * Gets the PMD mapping back after a fold or collapse.  The calling thread
 * follows with
 *	mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED |
 *	       MREMAP_DONTUNMAP, scratch)
 * which moves the page tables of the range to a scratch range of its own, and
 * then maps something else over the scratch range.  The region stays where it
 * is and its next touch maps huge.  The range must lie in one VMA (no guard
 * page within), else EFAULT.  Other threads may use the memory meanwhile.  The
 * ticket is void after one mremap() in the region, or with the next ticket.
 */
struct ashlar_ticket {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
};

#define ASHLAR_IOC_TICKET	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_TICKET)

/**
 * struct ashlar_unshare - ASHLAR_IOC_UNSHARE: end fork's special treatment
 * @size: sizeof(struct ashlar_unshare)
 * @flags: must be zero
 * @addr: start of the range
 * @len: its length in bytes
 * @ret_shared: hunks still shared with a relative or not folded yet
 *
 * After a fork, writes are checked and long-term pins (RDMA, io_uring fixed
 * buffers) refused.  Once nothing in the regions that the range touches is
 * shared any more, this lifts both; EBUSY until then.
 */
struct ashlar_unshare {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 ret_shared;
};

#define ASHLAR_IOC_UNSHARE	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_UNSHARE)

/**
 * struct ashlar_break - ASHLAR_IOC_BREAK: give a sparse huge page back whole
 * @size: sizeof(struct ashlar_break)
 * @flags: must be zero
 * @addr: start of the range
 * @len: its length in bytes
 * @bitmap: pointer to __u64 words, one bit a base page of the range in order,
 *	lowest bit first: 1 keeps the page's contents, 0 lets it read as zeroes
 * @status: pointer to one __s32 a hunk, or 0: 0 done, else -errno
 *	(-EBUSY pinned or shared, -ENOENT no memory there, -ENOMEM)
 * @ret_broken: hunks done
 * @ret_pages: base pages copied to small pages
 *
 * Of a hunk that was broken before, or got small pages at its first touch, those
 * go back that the bitmap does not keep.
 */
struct ashlar_break {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 bitmap;
	__u64 status;
	__u64 ret_broken;
	__u64 ret_pages;
};

#define ASHLAR_IOC_BREAK	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_BREAK)

/**
 * struct ashlar_move - ASHLAR_IOC_MOVE: memory to another node
 * @size: sizeof(struct ashlar_move)
 * @flags: must be zero
 * @addr: start of the range
 * @len: its length in bytes
 * @node: where to, within the caller's cpuset
 * @reserved: must be zero
 * @status: pointer to one __s32 a hunk, or 0: the node it is on now, or -errno
 *	as of move_pages(2): -EBUSY pinned, -EACCES shared with another process,
 *	-ENOENT a hole, -ENOMEM none free there; of base pages, the first that
 *	had to stay says why, and the others have moved
 * @ret_moved: hunks moved by this call
 * @ret_failed: hunks with memory that are not on @node now
 */
struct ashlar_move {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u32 node;
	__u32 reserved;
	__u64 status;
	__u64 ret_moved;
	__u64 ret_failed;
};

#define ASHLAR_IOC_MOVE		_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_MOVE)

/* struct ashlar_policy::flags: which halves are set; none: only read back. */
#define ASHLAR_POLICY_SET_COW	(1U << 0)
#define ASHLAR_POLICY_SET_NODE	(1U << 1)

/* How memory shared by fork is copied on the first write. */
enum ashlar_cow {
	ASHLAR_COW_AUTO		= 0,	/* by base page; huge after a run of 64 */
	ASHLAR_COW_BASE		= 1,	/* always by base page */
	ASHLAR_COW_HUGE		= 2,	/* always by huge page, if there is one */
};

/* Where a region's memory comes from. */
enum ashlar_node {
	ASHLAR_NODE_TASK	= 0,	/* mbind, task policy, cpuset; else the local node */
	ASHLAR_NODE_STRICT	= 1,	/* nodemask only; a fault fails as the OOM killer decides */
	ASHLAR_NODE_PREFERRED	= 2,	/* nodemask first, then anywhere */
	ASHLAR_NODE_INTERLEAVE	= 3,	/* hunk by hunk round nodemask */
	ASHLAR_NODE_WEIGHTED	= 4,	/* as interleave, weights[node] hunks each */
};

/**
 * struct ashlar_policy - ASHLAR_IOC_POLICY: of the region that holds @addr
 * @size: sizeof(struct ashlar_policy)
 * @flags: ASHLAR_POLICY_SET_*
 * @addr: any address within the region
 * @cow: enum ashlar_cow
 * @node_mode: enum ashlar_node
 * @nodemask: pointer to __u64 words, bit n for node n, not all zero; 0 for
 *	ASHLAR_NODE_TASK
 * @nodemask_bits: bits in @nodemask, and entries in @weights; 4096 at most
 * @reserved: must be zero
 * @weights: pointer to one __u8 a node, 1 to 255 for those in @nodemask; 0 for
 *	all modes but ASHLAR_NODE_WEIGHTED
 * @ret_cow: in force now
 * @ret_node_mode: in force now
 *
 * Inherited by fork.  Memory already there stays: see ASHLAR_IOC_MOVE.
 */
struct ashlar_policy {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u32 cow;
	__u32 node_mode;
	__u64 nodemask;
	__u32 nodemask_bits;
	__u32 reserved;
	__u64 weights;
	__u32 ret_cow;
	__u32 ret_node_mode;
};

#define ASHLAR_IOC_POLICY	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_POLICY)

/* Set the limit of this open file; it can never exceed the administrator's. */
#define ASHLAR_QUOTA_SET	(1U << 0)

/**
 * struct ashlar_quota - ASHLAR_IOC_QUOTA: bytes of memory allowed and used
 * @size: sizeof(struct ashlar_quota)
 * @flags: ASHLAR_QUOTA_SET
 * @limit: bytes that regions made through this open file may hold, a multiple
 *	of the base page's size, 0: no limit; 0 without ASHLAR_QUOTA_SET
 * @ret_file_limit: in force, 0: none
 * @ret_file_used: held now
 * @ret_uid_limit: of the user who opened the file, 0: none
 * @ret_uid_used: held now
 */
struct ashlar_quota {
	__u32 size;
	__u32 flags;
	__u64 limit;
	__u64 ret_file_limit;
	__u64 ret_file_used;
	__u64 ret_uid_limit;
	__u64 ret_uid_used;
};

#define ASHLAR_IOC_QUOTA	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_QUOTA)

/* struct ashlar_hunk::flags.  None: a hole, never touched or discarded. */
#define ASHLAR_HUNK_HUGE	(1U << 0)	/* backed by one huge page */
#define ASHLAR_HUNK_SMALL	(1U << 1)	/* some base pages of its own */
#define ASHLAR_HUNK_SHARED	(1U << 2)	/* a relative uses some of it too */
#define ASHLAR_HUNK_PTE		(1U << 3)	/* mapped by base pages, if at all */
#define ASHLAR_HUNK_REMOTE	(1U << 4)	/* not on the node it should be on */
#define ASHLAR_HUNK_BROKEN	(1U << 5)	/* by ASHLAR_IOC_BREAK */

/**
 * struct ashlar_hunk - what one hunk is made of
 * @flags: ASHLAR_HUNK_*
 * @node: of the huge page, or of the first small page; -1: a hole
 * @nr_small: base pages of its own
 * @nr_sharers: processes that use the huge page, 0 if there is none
 */
struct ashlar_hunk {
	__u32 flags;
	__s32 node;
	__u32 nr_small;
	__u32 nr_sharers;
};

/**
 * struct ashlar_query - ASHLAR_IOC_QUERY: state of each hunk of a range
 * @size: sizeof(struct ashlar_query)
 * @flags: must be zero
 * @addr: start of the range
 * @len: its length in bytes
 * @hunks: pointer to one entry a hunk
 * @hunk_size: bytes from one entry to the next: sizeof(struct ashlar_hunk);
 *	a page at most
 * @reserved: must be zero
 * @ret_nr: entries written
 *
 * Of a newer, longer entry the module fills what it knows and clears the rest.
 */
struct ashlar_query {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 hunks;
	__u32 hunk_size;
	__u32 reserved;
	__u64 ret_nr;
};

#define ASHLAR_IOC_QUERY	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_QUERY)

/* struct ashlar_hint::reasons: why the range is worth a call. */
#define ASHLAR_HINT_FOLD	(1U << 0)	/* ASHLAR_IOC_FOLD makes it whole */
#define ASHLAR_HINT_COLLAPSE	(1U << 1)	/* ASHLAR_IOC_COLLAPSE does */
#define ASHLAR_HINT_REMAP	(1U << 2)	/* whole, wants ASHLAR_IOC_TICKET */
#define ASHLAR_HINT_MOVE	(1U << 3)	/* on the wrong node */

/**
 * struct ashlar_hint - a range worth collapsing
 * @addr: start
 * @len: length in bytes
 * @reasons: ASHLAR_HINT_*
 * @node: where it should be
 * @gain: TLB entries saved by doing it
 * @cost: base pages to be copied
 */
struct ashlar_hint {
	__u64 addr;
	__u64 len;
	__u32 reasons;
	__s32 node;
	__u32 gain;
	__u32 cost;
};

/**
 * struct ashlar_hints - ASHLAR_IOC_HINTS: ranges worth collapsing
 * @size: sizeof(struct ashlar_hints)
 * @flags: must be zero
 * @addr: where to look from; continue at the end of the last hint
 * @len: how far to look; holes and foreign mappings are passed over
 * @hints: pointer to entries
 * @nr: room for that many, not 0
 * @hint_size: sizeof(struct ashlar_hint); a page at most
 * @ret_nr: entries written, by address
 * @ret_next: look from here the next time; the end of the range if all is said
 */
struct ashlar_hints {
	__u32 size;
	__u32 flags;
	__u64 addr;
	__u64 len;
	__u64 hints;
	__u32 nr;
	__u32 hint_size;
	__u64 ret_nr;
	__u64 ret_next;
};

#define ASHLAR_IOC_HINTS	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_HINTS)

/**
 * struct ashlar_stats - ASHLAR_IOC_STATS: counters since the module was loaded
 * @size: sizeof(struct ashlar_stats)
 * @flags: must be zero
 * @ret_pool: zeroed huge pages in the pools now
 * @ret_zeroing: huge pages being zeroed now
 * @ret_mapped: huge pages in at least one region now
 * @ret_parked: huge pages handed out but in no region at this moment: on the
 *	way in or out
 * @ret_shared: of @ret_mapped, those that several processes share after fork
 * @ret_allocated: huge pages ever taken from the kernel
 * @ret_freed: huge pages ever given back; @ret_allocated - @ret_freed =
 *	@ret_pool + @ret_zeroing + @ret_mapped + @ret_parked
 * @ret_small: base pages in use now
 * @ret_regions: regions now
 * @ret_pool_hits: first touches served by the pool
 * @ret_pool_misses: first touches that had to allocate and zero
 * @ret_fallbacks: first touches that got base pages
 * @ret_remote: hunks and base pages handed out from an unwanted node
 * @ret_zeroed: huge pages zeroed in the background
 * @ret_zero_ns: CPU time spent on that, nanoseconds
 * @ret_shrunk: huge pages given back under memory pressure
 * @ret_discarded: hunks discarded
 * @ret_fork_shared: hunks shared at forks
 * @ret_fork_copied: hunks copied at forks because they were pinned
 * @ret_cow_huge: huge pages copied after forks
 * @ret_cow_base: base pages copied after forks
 * @ret_cow_reused: pages made writable again without a copy
 * @ret_folded: hunks folded
 * @ret_fold_pages: base pages copied back by folds
 * @ret_fold_busy: base pages that a fold had to leave
 * @ret_remaps: ranges remapped by ticket
 * @ret_collapsed: hunks collapsed into a new huge page
 * @ret_broken: huge pages given back by breaking
 * @ret_moved: hunks moved between nodes
 * @ret_charge_fails: charges refused by a memory cgroup
 * @ret_quota_fails: requests refused by a quota
 * @ret_cow_dense: huge pages copied after forks once writes proved dense
 * @ret_cow_bytes: bytes copied after forks, whole huge pages included
 */
struct ashlar_stats {
	__u32 size;
	__u32 flags;
	__u64 ret_pool;
	__u64 ret_zeroing;
	__u64 ret_mapped;
	__u64 ret_parked;
	__u64 ret_shared;
	__u64 ret_allocated;
	__u64 ret_freed;
	__u64 ret_small;
	__u64 ret_regions;
	__u64 ret_pool_hits;
	__u64 ret_pool_misses;
	__u64 ret_fallbacks;
	__u64 ret_remote;
	__u64 ret_zeroed;
	__u64 ret_zero_ns;
	__u64 ret_shrunk;
	__u64 ret_discarded;
	__u64 ret_fork_shared;
	__u64 ret_fork_copied;
	__u64 ret_cow_huge;
	__u64 ret_cow_base;
	__u64 ret_cow_reused;
	__u64 ret_folded;
	__u64 ret_fold_pages;
	__u64 ret_fold_busy;
	__u64 ret_remaps;
	__u64 ret_collapsed;
	__u64 ret_broken;
	__u64 ret_moved;
	__u64 ret_charge_fails;
	__u64 ret_quota_fails;
	__u64 ret_cow_dense;
	__u64 ret_cow_bytes;
};

#define ASHLAR_IOC_STATS	_IO(ASHLAR_IOC_TYPE, ASHLAR_CMD_STATS)

/**
 * struct ashlar_event - read() from the device: acknowledges poll()
 * @pressure_epoch: status page's, as of the read
 * @refill_epoch: status page's, as of the read
 *
 * poll() says POLLPRI when pressure_epoch has moved since the last read() from
 * this open file, POLLIN when refill_epoch has.  read() never blocks and needs
 * room for the whole struct, else EINVAL.
 */
struct ashlar_event {
	__u64 pressure_epoch;
	__u64 refill_epoch;
};

#define ASHLAR_STATUS_VERSION	1

/* struct ashlar_status_node::flags */
#define ASHLAR_STATUS_ONLINE	(1U << 0)	/* the node has memory */
#define ASHLAR_STATUS_PRESSURE	(1U << 1)	/* short of memory: budget is zero */

/**
 * struct ashlar_status_node - one NUMA node in the status page
 * @flags: ASHLAR_STATUS_ONLINE, ASHLAR_STATUS_PRESSURE
 * @frag_index: fragmentation index for a hunk, times 1000: negative if one is
 *	free, near 0 if memory is short, near 1000 if it is fragmented
 * @pool: zeroed huge pages ready
 * @target: how many the zeroer aims at
 * @free_hunks: free blocks of a hunk's size or more, in hunks
 * @free_pages: free base pages
 * @pressure_epoch: rises each time the machine takes memory back here
 * @collapse_budget: hunks that may be collapsed now without harm
 * @mapped: huge pages of this node in use
 * @reserved: zero
 */
struct ashlar_status_node {
	__u32 flags;
	__s32 frag_index;
	__u64 pool;
	__u64 target;
	__u64 free_hunks;
	__u64 free_pages;
	__u64 pressure_epoch;
	__u64 collapse_budget;
	__u64 mapped;
	__u64 reserved[8];
};

/**
 * struct ashlar_status - the status page, read without a system call
 * @seq: odd while the rest is being written.  Read it, copy what is wanted,
 *	read it again, and start over if it was odd or has changed
 * @version: ASHLAR_STATUS_VERSION
 * @node_offset: bytes from here to the first struct ashlar_status_node
 * @node_stride: bytes from one to the next
 * @nr_nodes: how many there are, indexed by node number
 * @interval_ms: the page is refreshed at least that often
 * @updated_ns: CLOCK_MONOTONIC of the last refresh
 * @pressure_epoch: sum of the nodes'
 * @refill_epoch: rises each time a pool reaches its target again
 * @mapped: huge pages in use
 * @parked: huge pages on the way in or out of use
 * @small: base pages in use
 * @reserved: zero
 */
struct ashlar_status {
	__u32 seq;
	__u32 version;
	__u32 node_offset;
	__u32 node_stride;
	__u32 nr_nodes;
	__u32 interval_ms;
	__u64 updated_ns;
	__u64 pressure_epoch;
	__u64 refill_epoch;
	__u64 mapped;
	__u64 parked;
	__u64 small;
	__u64 reserved[7];
};

#endif /* _UAPI_LINUX_ASHLAR_H */
