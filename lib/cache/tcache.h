/* SPDX-License-Identifier: MIT */
/*
 * The thread cache: for each size class a stack of free objects, kept in an
 * array apart from the objects, so that a free object is neither read nor
 * written while it waits.
 *
 * A stack grows downwards.  top[c] points at the next object to hand out; the
 * word above the last one is NULL and stops malloc; floor[c] is where the stack
 * is full and stops free.  Before a thread has arrays, both point at one static
 * NULL, so that the fast paths need no test for it.
 *
 * Objects of a thread's own slabs only: a foreign object goes to its owner (see
 * lib/heap/remote.c), so that no two threads are handed parts of one cache
 * line.
 */
#ifndef ASHLAR_CACHE_TCACHE_H
#define ASHLAR_CACHE_TCACHE_H

#include "hpheap/space.h"
#include "slab/sizeclass.h"

struct theap;

enum {
	REMOTE_SLOTS = 8, /* owners that foreign frees are gathered for */
	NO_OWNER = 0xffffff,
};

/* Foreign objects on their way to one owner, linked through themselves. */
struct remote_batch {
	void *head, *tail;
	u32 owner;
	u32 bytes;
	u32 nr;
};

enum tcache_state {
	TCACHE_NEW,    /* no heap yet */
	TCACHE_LIVE,
	TCACHE_EXITED, /* the thread's destructor has run */
};

struct tcache {
	void **top[NR_CLASSES];
	void **floor[NR_CLASSES];
	/*
	 * Owner id in the place where page map entries have it, class 0: an
	 * entry xor tag is the class if the object is this thread's own.
	 */
	u32 tag;
	u32 state;
	struct theap *heap;
	size_t capacity; /* sum over classes of array length times size */
	u32 nr_slow; /* slow paths taken, for what is done now and then */
	u32 press_round; /* of limit_round(), as last obeyed */
	u16 cap[NR_CLASSES];
	u8 swing[NR_CLASSES]; /* enum tcache_swing */
	struct remote_batch remote[REMOTE_SLOTS];
};

/*
 * Whether a stack is full and empty by turns, and so too short: one burst of
 * allocations and one of frees do not make it grow.
 */
enum tcache_swing {
	SWING_NONE,
	SWING_FULL,	  /* it was full */
	SWING_FULL_EMPTY, /* and then empty */
};

extern __thread struct tcache tcache
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

static inline unsigned int tcache_nr(const struct tcache *t, unsigned int c)
{
	return t->cap[c] - (t->top[c] - t->floor[c]);
}

bool tcache_resize(struct tcache *t, unsigned int c, unsigned int cap);
unsigned int tcache_room(const struct tcache *t, unsigned int c);
void tcache_push_all(struct tcache *t, unsigned int c, void **objs,
		     unsigned int nr);
void tcache_drop_oldest(struct tcache *t, unsigned int c, unsigned int nr);
unsigned int tcache_start_cap(unsigned int c, unsigned int limit);
unsigned int tcache_miss_cap(unsigned int c, bool is_crowded);
unsigned int tcache_max_cap(unsigned int c);

#endif
