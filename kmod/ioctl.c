// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl table: one row a call, and the size rules that all of them share.
 *
 * A struct that the caller filled by an older header is completed with zeroes;
 * one by a newer header is accepted if what we do not know is zero, and no more
 * than a page has to be read to know that.  What the fields mean is the calls'
 * own business (calls.c, query.c, policy.c).
 */
#include "ioctl.h"

#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/uaccess.h>
#include <uapi/linux/ashlar.h>

#include "calls.h"
#include "client.h"

/* The first published size of each struct is what ends with its last field. */
union ioctl_arg {
	struct {
		u32 size;
		u32 flags;
	} head;
	struct ashlar_info info;
	struct ashlar_stats stats;
	struct ashlar_quota quota;
	struct ashlar_query query;
	struct ashlar_hints hints;
	struct ashlar_policy policy;
	struct ashlar_discard discard;
	struct ashlar_populate populate;
	struct ashlar_fold fold;
	struct ashlar_collapse collapse;
	struct ashlar_ticket ticket;
	struct ashlar_unshare unshare;
	struct ashlar_break break_;
	struct ashlar_move move;
};

/**
 * struct ioctl_row - one call
 * @cmd: its number
 * @size: of its struct, as known here
 * @min_size: of its struct as first published
 * @flags: that it knows
 * @feature: bit that says it is there
 * @fn: handler; may change ret_ fields, on failure too
 */
struct ioctl_row {
	unsigned int cmd;
	u32 size;
	u32 min_size;
	u32 flags;
	u64 feature;
	int (*fn)(struct client *client, void *arg);
};

#define ROW(_cmd, _struct, _last, _flags, _feature, _fn)             \
	{                                                             \
		.cmd = _cmd, .size = sizeof(struct _struct),          \
		.min_size = offsetofend(struct _struct, _last),       \
		.flags = _flags, .feature = _feature, .fn = _fn,      \
	}

static const struct ioctl_row rows[] = {
	ROW(ASHLAR_IOC_INFO, ashlar_info, ret_status_len, 0, 0, call_info),
	ROW(ASHLAR_IOC_STATS, ashlar_stats, ret_quota_fails, 0,
	    ASHLAR_FEAT_STATS, call_stats),
	ROW(ASHLAR_IOC_QUERY, ashlar_query, ret_nr, 0, ASHLAR_FEAT_QUERY,
	    call_query),
	ROW(ASHLAR_IOC_DISCARD, ashlar_discard, ret_done, 0,
	    ASHLAR_FEAT_DISCARD, call_discard),
	ROW(ASHLAR_IOC_POPULATE, ashlar_populate, ret_new,
	    ASHLAR_POPULATE_ALL | ASHLAR_POPULATE_HUGE |
		    ASHLAR_POPULATE_POOL | ASHLAR_POPULATE_NOMAP,
	    ASHLAR_FEAT_POPULATE, call_populate),
	ROW(ASHLAR_IOC_FOLD, ashlar_fold, ret_shared, 0,
	    ASHLAR_FEAT_FOLD | ASHLAR_FEAT_COW_BASE, call_fold),
	ROW(ASHLAR_IOC_COLLAPSE, ashlar_collapse, ret_nomem,
	    ASHLAR_COLLAPSE_SPARSE | ASHLAR_COLLAPSE_POOL,
	    ASHLAR_FEAT_COLLAPSE, call_collapse),
	ROW(ASHLAR_IOC_TICKET, ashlar_ticket, len, 0, ASHLAR_FEAT_TICKET,
	    call_ticket),
	ROW(ASHLAR_IOC_UNSHARE, ashlar_unshare, ret_shared, 0,
	    ASHLAR_FEAT_UNSHARE, call_unshare),
	ROW(ASHLAR_IOC_BREAK, ashlar_break, ret_pages, 0, ASHLAR_FEAT_BREAK,
	    call_break),
	ROW(ASHLAR_IOC_MOVE, ashlar_move, ret_failed, 0, ASHLAR_FEAT_MOVE,
	    call_move),
	ROW(ASHLAR_IOC_POLICY, ashlar_policy, ret_node_mode,
	    ASHLAR_POLICY_SET_COW | ASHLAR_POLICY_SET_NODE,
	    ASHLAR_FEAT_POLICY, call_policy),
	ROW(ASHLAR_IOC_QUOTA, ashlar_quota, ret_uid_used, ASHLAR_QUOTA_SET,
	    ASHLAR_FEAT_QUOTA, call_quota),
	ROW(ASHLAR_IOC_HINTS, ashlar_hints, ret_next, 0, ASHLAR_FEAT_HINTS,
	    call_hints),
};

static const struct ioctl_row *row_find(unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].cmd == cmd)
			return &rows[i];
	return NULL;
}

/**
 * ioctl_features() - feature bits of the calls in the table
 */
u64 ioctl_features(void)
{
	u64 features = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		features |= rows[i].feature;
	return features;
}

/**
 * ioctl_dispatch() - one call from user space
 * @client: the open file
 * @cmd: which
 * @arg: pointer to its struct
 *
 * Return: 0 or -errno, as the uapi header says.
 */
long ioctl_dispatch(struct client *client, unsigned int cmd, unsigned long arg)
{
	const struct ioctl_row *row = row_find(cmd);
	void __user *uarg = (void __user *)arg;
	union ioctl_arg buf = {};
	u32 size;
	int ret;

	if (!row)
		return -ENOTTY;
	if (get_user(size, (u32 __user *)uarg))
		return -EFAULT;
	if (size < row->min_size)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&buf, row->size, uarg, size);
	if (ret)
		return ret;
	if (buf.head.flags & ~row->flags)
		return -EINVAL;
	ret = row->fn(client, &buf);
	if (copy_to_user(uarg + sizeof(buf.head), (void *)&buf + sizeof(buf.head),
			 min(size, row->size) - sizeof(buf.head)))
		return -EFAULT;
	return ret;
}
