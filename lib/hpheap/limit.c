// SPDX-License-Identifier: MIT
/*
 * The count of what is held, against the limits of the options.
 */
#include "hpheap/limit.h"

#include "hpheap/space.h"
#include "os/cgroup.h"
#include "os/sys.h"
#include "rt/conf.h"
#include "rt/meta.h"
#include "rt/print.h"

/* Caches are emptied no more often than this while a limit is met. */
enum { ROUND_MS = 100 };

struct limit limit = {.soft = SIZE_MAX, .hard = SIZE_MAX};

/* What a percentage is of: the cgroup's limit, else the machine's memory. */
static size_t whole(const char *root)
{
	return min_size(os_cgroup_limit(root), os_memory_total());
}

/* An option's value in bytes. */
static size_t resolve(long value, const char *root)
{
	if (!value)
		return SIZE_MAX;
	return value > 0 ? (size_t)value : whole(root) / 100 * -value;
}

/* Read the options and, for a percentage, the cgroup. */
void limit_init(void)
{
	limit.soft = resolve(conf.soft_limit, "");
	limit.hard = resolve(conf.hard_limit, "");
	if (limit.soft != SIZE_MAX && limit.soft > limit.hard && conf.warn)
		print_error_parts("soft_limit is above hard_limit and will "
				  "never be reached: set it lower");
}

static size_t metadata(void)
{
	return meta_bytes() + space_meta_bytes();
}

/* All that counts, bytes. */
size_t limit_held(void)
{
	return atomic_load_explicit(&limit.held, memory_order_relaxed) +
	       metadata();
}

/* Everybody is asked to give back, unless that was just now. */
static void start_round(void)
{
	u64 now = os_now_ms(), last = limit.round_ms;

	if ((last && now - last < ROUND_MS) ||
	    !atomic_compare_exchange_strong(&limit.round_ms, &last, now))
		return;
	limit.round++;
}

static void note_peak(size_t total)
{
	size_t peak = atomic_load_explicit(&limit.peak, memory_order_relaxed);

	while (peak < total &&
	       !atomic_compare_exchange_weak_explicit(&limit.peak, &peak, total,
						      memory_order_relaxed,
						      memory_order_relaxed))
		;
}

static void look_at_soft(size_t total)
{
	bool is_over = total > limit.soft;

	if (is_over == limit.is_over_soft)
		return;
	if (atomic_exchange(&limit.is_over_soft, is_over) || !is_over)
		return;
	limit.nr_soft++;
	start_round();
}

/* Is a limit a part of something that may change? */
bool limit_is_relative(void)
{
	return conf.soft_limit < 0 || conf.hard_limit < 0;
}

/**
 * limit_follow() - see whether the cgroup's limit has changed
 * @root: put before every path; "" but in tests
 */
void limit_follow(const char *root)
{
	if (conf.hard_limit < 0)
		limit.hard = resolve(conf.hard_limit, root);
	if (conf.soft_limit < 0)
		limit.soft = resolve(conf.soft_limit, root);
	look_at_soft(limit_held());
}

/* Would the hard limit allow @len bytes more now? */
bool limit_has_room(size_t len)
{
	return !limit_has_hard() || limit_held() + len <= limit.hard;
}

/**
 * limit_charge() - ask for memory to hold
 * @len: bytes
 *
 * Of threads that race for the last bytes below the hard limit no more get them
 * than there are.
 *
 * Return: false, and nothing is charged, if it would pass the hard limit.
 */
bool limit_charge(size_t len)
{
	size_t meta = metadata();
	size_t held = atomic_load_explicit(&limit.held, memory_order_relaxed);

	do {
		if (held + meta + len > limit.hard)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&limit.held, &held, held + len, memory_order_relaxed,
		memory_order_relaxed));
	note_peak(held + meta + len);
	look_at_soft(held + meta + len);
	return true;
}

/**
 * limit_settle() - what is held has changed
 * @delta: bytes more, or fewer if negative
 */
void limit_settle(long delta)
{
	size_t held = atomic_fetch_add_explicit(&limit.held, delta,
						memory_order_relaxed) +
		      delta;
	size_t total = held + metadata();

	if (delta > 0)
		note_peak(total);
	look_at_soft(total);
}

/* An allocation has failed at the hard limit, for good. */
void limit_refuse(void)
{
	limit.nr_refused++;
}

/**
 * limit_set_pressure() - the machine, or the cgroup, is short of memory
 * @is_on: true when it starts and for as long as it lasts
 */
void limit_set_pressure(bool is_on)
{
	limit.is_under_pressure = is_on;
	if (is_on)
		start_round();
}
