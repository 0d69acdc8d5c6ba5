/* SPDX-License-Identifier: MIT */
/*
 * How much memory the library may hold: what it holds now, the soft limit,
 * above which everything free goes back, and the hard limit, above which
 * nothing more is taken.  Pressure from outside counts as the soft limit.
 *
 * Counted is what the kernel backs or will at the first touch: units that were
 * handed out and not given back, huge pages whole, and metadata.  Counting
 * happens where units change state, never in the fast paths.
 */
#ifndef ASHLAR_HPHEAP_LIMIT_H
#define ASHLAR_HPHEAP_LIMIT_H

#include "base/bits.h"

struct limit {
	_Atomic size_t held; /* bytes of units */
	_Atomic size_t peak; /* largest held plus metadata seen */
	/* Resolved, bytes; SIZE_MAX: none.  See limit_follow(). */
	_Atomic size_t soft, hard;
	_Atomic bool is_over_soft;
	_Atomic bool is_under_pressure;
	/* Counts the moments at which everybody is asked to give back. */
	_Atomic u32 round;
	_Atomic u64 round_ms; /* when it last rose */
	_Atomic u64 nr_refused;
	_Atomic u64 nr_soft; /* times the soft limit was passed */
};

extern struct limit limit __attribute__((visibility("hidden")));

/* Is memory to be given back at once? */
static inline bool limit_is_pressed(void)
{
	return atomic_load_explicit(&limit.is_over_soft,
				    memory_order_relaxed) ||
	       atomic_load_explicit(&limit.is_under_pressure,
				    memory_order_relaxed);
}

/* Changes whenever caches should be emptied. */
static inline u32 limit_round(void)
{
	return atomic_load_explicit(&limit.round, memory_order_relaxed);
}

static inline bool limit_has_hard(void)
{
	return atomic_load_explicit(&limit.hard, memory_order_relaxed) !=
	       SIZE_MAX;
}

void limit_init(void);
bool limit_is_relative(void);
void limit_follow(const char *root);
size_t limit_held(void);
bool limit_has_room(size_t len);
bool limit_charge(size_t len);
void limit_settle(long delta);
void limit_refuse(void);
void limit_set_pressure(bool is_on);

#endif
