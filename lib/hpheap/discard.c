// SPDX-License-Identifier: MIT
/*
 * A call for many ranges where the kernel has one, else one call a range.
 */
#include "hpheap/discard.h"

#include <errno.h>

#include "backend/backend.h"
#include "os/sys.h"

/*
 * The time at which a call begins; 0: it is too late for one.  The first is
 * never late, so that who is always late gets on, too.
 */
u64 discard_begin(const struct discard_cost *c)
{
	u64 now = os_now_ns();

	return c->deadline_ns && c->nr_calls && now >= c->deadline_ns ? 0 : now;
}

/* A call that began at @start_ns has returned. */
void discard_end(struct discard_cost *c, u64 start_ns)
{
	u64 took = os_now_ns() - start_ns;

	c->nr_calls++;
	c->ns += took;
	c->max_ns = max_size(c->max_ns, took);
}

static bool discard_one(const struct backend_ops *ops,
			const struct os_range *range, struct discard_cost *c)
{
	u64 start = discard_begin(c);
	int err = -ETIME;

	if (start) {
		err = ops->discard(range->addr, range->len);
		discard_end(c, start);
	}
	return !err;
}

/*
 * How many ranges from the first on one call has given back.  *@has_call
 * becomes false where there is none.
 */
static unsigned int discard_many(const struct backend_ops *ops,
				 const struct os_range *ranges, unsigned int nr,
				 struct discard_cost *c, bool *has_call)
{
	u64 start = discard_begin(c);
	unsigned int n = 0;
	long done;

	if (!start)
		return 0;
	done = ops->discard_many(ranges, nr);
	*has_call = done != -ENOSYS;
	if (*has_call)
		discard_end(c, start);
	while (n < nr && done >= (long)ranges[n].len)
		done -= ranges[n++].len;
	return n;
}

/**
 * discard_ranges() - give ranges back
 * @ops: the backend of all of them
 * @ranges: in whole base pages
 * @nr: how many, DISCARD_MAX at most
 * @c: added to
 *
 * Return: bit n: range n reads as zeroes now.  The others the kernel refused,
 * or the deadline came first.
 */
u64 discard_ranges(const struct backend_ops *ops, const struct os_range *ranges,
		   unsigned int nr, struct discard_cost *c)
{
	bool has_call = ops->discard_many;
	u64 done = 0;

	for (unsigned int i = 0, n; i < nr; i += n) {
		n = 0;
		if (has_call && nr - i > 1)
			n = discard_many(ops, ranges + i, nr - i, c, &has_call);
		if (n) {
			done |= (n < 64 ? (1ULL << n) - 1 : ~0ULL) << i;
			continue;
		}
		/* No such call, or this one is refused. */
		done |= (u64)discard_one(ops, ranges + i, c) << i;
		n = 1;
	}
	return done;
}
