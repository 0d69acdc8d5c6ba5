/* SPDX-License-Identifier: MIT */
/*
 * One huge page: which of its units are in use and which may hold something
 * else than zeroes.  Data only: no lock, no list, no system call; the node heap
 * that owns the huge page guards it.
 */
#ifndef ASHLAR_HPHEAP_HPAGE_H
#define ASHLAR_HPHEAP_HPAGE_H

#include <stdatomic.h>

#include "base/bitmap.h"
#include "base/list.h"

enum hpage_state {
	HP_UNUSED,  /* address space not taken into use */
	HP_EMPTY,   /* no unit in use, in the node heap's free map */
	HP_PARTIAL, /* in a set */
	HP_FULL,    /* in no set */
	HP_BUSY,    /* being purged: detached, nobody takes units of it */
};

struct hpage {
	struct bitmap used;
	struct bitmap touched; /* may differ from zero */
	struct list link;      /* of a set, or of the dirty empty ones */
	u32 since_ms;	       /* when it last got emptier; wraps */
	u32 refused_ms;	       /* when the kernel last would not collapse it */
	u16 nr_used;
	u16 nr_dirty; /* touched and not used */
	u16 nr_touched;
	u16 nr_charged; /* units counted as held, see lib/hpheap/limit.h */
	u16 longest;  /* of the free runs */
	u8 state;
	_Atomic u8 backend;
	u8 node;
	/*
	 * Parts of it went back to the kernel while others were in use: what
	 * was one huge page is small pages now.
	 */
	bool is_broken;
	atomic_bool is_small; /* broken, and to stay so: see small.c */
	_Atomic u8 kind; /* enum hpset_id; what it is for, see choose.c */
	bool is_zeroed; /* touched by prefault.c only, and not used since */
	_Atomic u16 nr_slabs; /* that lie in it; their owners count, unlocked */
	u16 stuck_round; /* of purging in which nothing of it could go */
	/*
	 * Node and backend stand, for who does not hold the lock; start.c may
	 * turn plain into thp, which handle what is mapped alike.  Set once, the
	 * last of all by hpage_init(); release pairs with the acquire in
	 * hpheap_look().
	 */
	atomic_bool is_known;
};

void hpage_init(struct hpage *hp, unsigned int node, unsigned int backend);
unsigned int hpage_take(struct hpage *hp, unsigned int first, unsigned int nr);
void hpage_put(struct hpage *hp, unsigned int first, unsigned int nr);
unsigned int hpage_fit(const struct hpage *hp, unsigned int nr,
		       unsigned int align);
void hpage_clean(struct hpage *hp, unsigned int first, unsigned int nr);
void hpage_fill(struct hpage *hp);
void hpage_populate(struct hpage *hp);
void hpage_hollow(struct hpage *hp, unsigned int first, unsigned int nr);
void hpage_touch(struct hpage *hp, unsigned int first, unsigned int nr);
bool hpage_next_dirty(const struct hpage *hp, unsigned int *first,
		      unsigned int *ret_nr);
void hpage_check(const struct hpage *hp);

#endif
