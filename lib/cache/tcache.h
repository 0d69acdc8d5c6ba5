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

#include "base/list.h"
#include "base/tls.h"
#include "hpheap/space.h"
#include "slab/sizeclass.h"

struct theap;

enum {
	REMOTE_SLOTS = 16, /* owners that foreign frees are gathered for */
	NO_OWNER = 0xffffff,
	PARCEL_OBJS = 62,
	RUN_UNITS_MAX = 64, /* of a run that may wait */
};

/* Foreign objects on their way to one owner. */
struct parcel {
	struct parcel *next;
	u64 nr;
	void *objs[PARCEL_OBJS];
};

/* A parcel that a thread fills, or none. */
struct remote_slot {
	void **at, **end; /* the next object's place; equal without a parcel */
	struct parcel *parcel;
	u32 tag;   /* the owner's, as in struct tcache */
	u32 bytes; /* of objects above FINE_MAX */
};

/* Runs of large allocations that were freed. */
struct run_cache {
	u64 some; /* bit n: there is one of n + 1 units */
	struct hlist *of_len[RUN_UNITS_MAX];
	struct list by_age; /* the newest first; unset while empty */
	u32 nr_units;	    /* of all */
	u32 limit;	    /* units; 0 until it was looked at */
	u32 nr_asked;	    /* since it was judged */
	u32 nr_taken;	    /* of these */
	u32 nr_seen;	    /* nr_asked at the last look */
	u32 node;	    /* of the thread, then */
	bool is_idle;	    /* nobody had asked, then, nor has since */
};

enum tcache_state {
	TCACHE_NEW, /* no heap yet */
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
	size_t share;	 /* of tcache_max, as last looked at */
	size_t budget;	 /* what it may be, then: more while much is in use */
	u32 nr_slow; /* slow paths taken, for what is done now and then */
	u32 press_round; /* of limit_round(), as last obeyed */
	bool was_large; /* its heap had much in use since it was trimmed */
	bool is_shut; /* was trimmed since this thread allocated last */
	u32 hand; /* class from which room was taken last */
	u32 shortened_at; /* nr_slow then */
	u64 stacks[CLASS_WORDS]; /* one bit a class: it has an array... */
	u64 watched[CLASS_WORDS]; /* ...its length was noted in seen[] */
	u16 cap[NR_CLASSES];
	u8 swing[NR_CLASSES]; /* enum tcache_swing */
	u8 step[NR_CLASSES]; /* moves in one direction since it last turned */
	u16 seen[NR_CLASSES]; /* objects at the last look for idle stacks */
	struct remote_slot remote[REMOTE_SLOTS];
	struct parcel *parcels; /* empty ones */
	struct run_cache runs;
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

/*
 * Up to this size, a block freed with its size belongs to the thread that frees
 * it: while there is one thread heap, else 0.  Any thread that can have been
 * handed a block of a second heap sees the 0 that was written before.
 */
extern size_t tcache_sized_max __attribute__((visibility("hidden")));

/* The calling thread's, for the fast paths. */
static inline struct tcache TLS_SEGMENT *tcache_here(void)
{
	return tls_here(struct tcache, tcache);
}

static inline struct remote_slot *remote_slot_of(struct tcache *t, u32 entry)
{
	return &t->remote[(entry >> ENTRY_OWNER_SHIFT) % REMOTE_SLOTS];
}

static inline unsigned int tcache_nr(const struct tcache *t, unsigned int c)
{
	return t->cap[c] - (t->top[c] - t->floor[c]);
}

bool tcache_resize(struct tcache *t, unsigned int c, unsigned int cap);
unsigned int tcache_room(const struct tcache *t, unsigned int c);
void tcache_push_all(struct tcache *t, unsigned int c, void **objs,
		     unsigned int nr);
void tcache_fill(struct tcache *t, unsigned int c, unsigned int room,
		 unsigned int nr);
void tcache_drop_oldest(struct tcache *t, unsigned int c, unsigned int nr);
unsigned int tcache_start_cap(unsigned int c, unsigned int limit);
unsigned int tcache_miss_cap(unsigned int c, size_t class_bytes,
			     bool is_crowded);
unsigned int tcache_max_cap(unsigned int c);

#endif
