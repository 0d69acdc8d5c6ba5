// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls on ranges, and those that report: checked structs in, results out.
 *
 * Thin: what a call does to memory is done by the file of that name.  The size
 * and the flags have been checked (ioctl.c).
 */
#include "calls.h"

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <uapi/linux/ashlar.h>

#include "break.h"
#include "client.h"
#include "compat.h"
#include "discard.h"
#include "drain.h"
#include "failpoint.h"
#include "fold.h"
#include "hunk.h"
#include "ioctl.h"
#include "pool.h"
#include "populate.h"
#include "range.h"
#include "region.h"
#include "remap.h"
#include "stats.h"
#include "status.h"

int call_info(struct client *client, void *arg)
{
	struct ashlar_info *info = arg;

	info->ret_abi = ASHLAR_ABI_VERSION;
	info->ret_nr_nodes = nr_node_ids;
	info->ret_features = ioctl_features() | ASHLAR_FEAT_STATUS |
			     ASHLAR_FEAT_POLL | failpoint_features();
	if (HUNK_IS_PMD)
		info->ret_features |= ASHLAR_FEAT_PMD;
	info->ret_hunk_size = HUNK_SIZE;
	info->ret_page_size = PAGE_SIZE;
	info->ret_status_offset = ASHLAR_STATUS_OFFSET;
	info->ret_status_len = status_len();
	return 0;
}

int call_stats(struct client *client, void *arg)
{
	struct ashlar_stats *stats = arg;

	stats->ret_pool = pool_total();
#define STAT(name) (stats->ret_##name = stat_sum(STAT_##name))
	STAT(zeroing);
	STAT(mapped);
	STAT(parked);
	STAT(shared);
	STAT(allocated);
	STAT(freed);
	STAT(small);
	STAT(regions);
	STAT(pool_hits);
	STAT(pool_misses);
	STAT(fallbacks);
	STAT(remote);
	STAT(zeroed);
	STAT(zero_ns);
	STAT(shrunk);
	STAT(discarded);
	STAT(fork_shared);
	STAT(fork_copied);
	STAT(cow_huge);
	STAT(cow_base);
	STAT(cow_reused);
	STAT(folded);
	STAT(fold_pages);
	STAT(fold_busy);
	STAT(remaps);
	STAT(collapsed);
	STAT(broken);
	STAT(moved);
	STAT(charge_fails);
	STAT(quota_fails);
	STAT(cow_dense);
	STAT(cow_bytes);
#undef STAT
	return 0;
}

int call_quota(struct client *client, void *arg)
{
	struct ashlar_quota *quota = arg;
	struct quota *user = &client->account->quota;

	if (quota->flags & ASHLAR_QUOTA_SET) {
		if (quota->limit & ~PAGE_MASK)
			return -EINVAL;
		WRITE_ONCE(client->quota.limit, quota->limit >> PAGE_SHIFT);
	} else if (quota->limit) {
		return -EINVAL;
	}
	quota->ret_file_limit = (u64)client_file_limit(client) << PAGE_SHIFT;
	quota->ret_file_used = (u64)atomic_long_read(&client->quota.used)
			       << PAGE_SHIFT;
	quota->ret_uid_limit = (u64)READ_ONCE(quota_user_pages) << PAGE_SHIFT;
	quota->ret_uid_used = (u64)atomic_long_read(&user->used) << PAGE_SHIFT;
	return 0;
}

int call_discard(struct client *client, void *arg)
{
	struct ashlar_discard *discard = arg;

	return discard_range(discard->addr, discard->len, &discard->ret_done);
}

int call_populate(struct client *client, void *arg)
{
	struct ashlar_populate *populate = arg;

	populate->ret_done = 0;
	populate->ret_new = 0;
	if (is_draining())
		return -ESHUTDOWN;
	return populate_range(populate->addr, populate->len, populate->flags,
			      &populate->ret_done, &populate->ret_new);
}

static int fold_one(struct region *region, struct vm_area_struct *vma,
		    unsigned long idx, void *arg)
{
	mutex_lock(slot_lock(region, idx));
	fold_slot(region, idx, arg);
	mutex_unlock(slot_lock(region, idx));
	return 0;
}

int call_fold(struct client *client, void *arg)
{
	struct ashlar_fold *fold = arg;
	struct fold_result result = {};
	int err = range_walk_slots(fold->addr, fold->len, fold_one, &result);

	fold->ret_folded = result.done;
	fold->ret_pages = result.pages;
	fold->ret_busy = result.busy;
	fold->ret_shared = result.shared;
	return err;
}

/**
 * struct collapse_args - a call under way
 * @want: how to get huge pages
 * @takes_sparse: also where base pages are missing
 * @result: so far
 */
struct collapse_args {
	enum want want;
	bool takes_sparse;
	struct fold_result result;
};

static int collapse_one(struct region *region, struct vm_area_struct *vma,
			unsigned long idx, void *arg)
{
	struct collapse_args *args = arg;
	struct fold_result fold = {};
	struct place place;

	place_choose(&place, &region->policy, vma, idx);
	mutex_lock(slot_lock(region, idx));
	fold_slot(region, idx, &fold);
	collapse_slot(region, idx, &place, args->want, args->takes_sparse,
		      &args->result);
	mutex_unlock(slot_lock(region, idx));
	args->result.done += fold.done;
	args->result.pages += fold.pages;
	args->result.busy += fold.busy || fold.shared;
	return 0;
}

int call_collapse(struct client *client, void *arg)
{
	struct ashlar_collapse *collapse = arg;
	struct collapse_args args = {
		.want = WANT_ERROR,
		.takes_sparse = collapse->flags & ASHLAR_COLLAPSE_SPARSE,
	};
	int err;

	if (collapse->flags & ASHLAR_COLLAPSE_POOL)
		args.want |= WANT_POOL;
	err = range_walk_slots(collapse->addr, collapse->len, collapse_one,
			       &args);
	collapse->ret_collapsed = args.result.done;
	collapse->ret_pages = args.result.pages;
	collapse->ret_busy = args.result.busy;
	collapse->ret_nomem = args.result.nomem;
	return err;
}

int call_ticket(struct client *client, void *arg)
{
	struct ashlar_ticket *ticket = arg;

	return remap_ticket(ticket->addr, ticket->len);
}

int call_unshare(struct client *client, void *arg)
{
	struct ashlar_unshare *unshare = arg;

	unshare->ret_shared = 0;
	return remap_unshare(unshare->addr, unshare->len,
			     &unshare->ret_shared);
}

/**
 * struct each_args - a call that reports slot by slot
 * @status: where to report, or NULL
 * @bitmap: live pages of the range, for breaking
 * @live: those of the current slot
 * @place: whereto, for moving
 * @ret: what to report of the current slot
 * @done: slots done
 * @failed: slots with memory that could not be
 * @pages: base pages copied
 */
struct each_args {
	s32 __user *status;
	const u64 __user *bitmap;
	DECLARE_BITMAP(live, HUNK_NR);
	struct place place;
	int ret;
	u64 done;
	u64 failed;
	u64 pages;
};

static int each_report(u64 nr, void *arg)
{
	struct each_args *args = arg;

	if (args->status && put_user(args->ret, args->status + nr))
		return -EFAULT;
	return 0;
}

/* Words of 64 bits in the caller's, longs in ours. */
static int break_fetch(u64 nr, void *arg)
{
	struct each_args *args = arg;
	u64 at = nr * HUNK_NR, word = 0;
	unsigned long bit;

	bitmap_zero(args->live, HUNK_NR);
	for (bit = 0; bit < HUNK_NR; bit++, at++) {
		if ((!bit || at % 64 == 0) &&
		    get_user(word, args->bitmap + at / 64))
			return -EFAULT;
		if (word >> (at % 64) & 1)
			__set_bit(bit, args->live);
	}
	return 0;
}

static int break_one(struct region *region, struct vm_area_struct *vma,
		     unsigned long idx, void *arg)
{
	struct each_args *args = arg;
	struct place place;

	place_choose(&place, &region->policy, vma, idx);
	mutex_lock(slot_lock(region, idx));
	args->ret = break_slot(region, idx, &place, args->live, &args->pages);
	mutex_unlock(slot_lock(region, idx));
	args->done += !args->ret;
	return 0;
}

int call_break(struct client *client, void *arg)
{
	static const struct range_ops ops = {
		.before = break_fetch,
		.slot = break_one,
		.after = each_report,
	};
	struct ashlar_break *brk = arg;
	struct each_args args = {
		.status = u64_to_user_ptr(brk->status),
		.bitmap = u64_to_user_ptr(brk->bitmap),
	};
	int err;

	if (!brk->bitmap)
		return -EFAULT;
	err = range_walk_ops(brk->addr, brk->len, &ops, &args);
	brk->ret_broken = args.done;
	brk->ret_pages = args.pages;
	return err;
}

static int move_one(struct region *region, struct vm_area_struct *vma,
		    unsigned long idx, void *arg)
{
	struct each_args *args = arg;
	bool was_there;
	int err, nid;

	mutex_lock(slot_lock(region, idx));
	was_there = slot_node(region, idx) == args->place.nid;
	err = move_slot(region, idx, &args->place);
	nid = slot_node(region, idx);
	mutex_unlock(slot_lock(region, idx));
	args->done += !err && !was_there;
	args->failed += err && err != -ENOENT;
	args->ret = err ?: nid;
	return 0;
}

int call_move(struct client *client, void *arg)
{
	static const struct range_ops ops = {
		.slot = move_one,
		.after = each_report,
	};
	struct ashlar_move *move = arg;
	struct each_args args = {
		.status = u64_to_user_ptr(move->status),
	};
	int err, nid;

	if (move->reserved)
		return -EINVAL;
	if (move->node >= nr_node_ids)
		return -ENODEV;
	nid = array_index_nospec(move->node, nr_node_ids);
	if (!node_state(nid, N_MEMORY))
		return -ENODEV;
	if (!place_is_allowed(nid))
		return -EACCES;
	place_on_node(&args.place, nid);
	err = range_walk_ops(move->addr, move->len, &ops, &args);
	move->ret_moved = args.done;
	move->ret_failed = args.failed;
	return err;
}
