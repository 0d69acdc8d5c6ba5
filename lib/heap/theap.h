/* SPDX-License-Identifier: MIT */
/*
 * The thread heap: the slabs that one thread allocates from.  It outlives its
 * thread and is taken over, objects and all, by the next thread that starts.
 *
 * Its thread takes the lock when its cache runs empty or full.  Another thread
 * that frees objects of it leaves a parcel of them in the inbox, without a
 * lock, and takes the lock only if the heap has no thread or its inbox
 * overflows.
 */
#ifndef ASHLAR_HEAP_THEAP_H
#define ASHLAR_HEAP_THEAP_H

#include "base/list.h"
#include "heap/turnover.h"
#include "rt/lock.h"
#include "slab/mixed.h"

enum {
	MAX_THEAPS = 1 << 16,
	MOST_LOOSE = 32,
	SLACK = 128 << 10, /* bytes vacant in slabs of a class: much */
};

struct parcel;

/* Allocations above SMALL_MAX that a thread has made, less those it freed. */
struct large_figures {
	_Atomic size_t bytes, count;
};

struct theap {
	struct lock lock;
	u32 id;
	u32 node; /* of the threads that have it, as far as they stay on it */
	/* Sequentially consistent, against inbox: see remote_flush(). */
	_Atomic bool is_idle;
	struct theap *next_idle; /* guarded by the table's lock */

	/*
	 * Objects freed by others: any thread pushes, the owner or the lock's
	 * holder takes all.  And the emptied parcels, the other way.  On a line
	 * of its own, since others write it.
	 */
	alignas(CACHE_LINE) struct parcel *_Atomic inbox;
	struct parcel *_Atomic empties;
	_Atomic u32 inbox_nr;
	_Atomic u64 nr_remote; /* ever */

	/* Guarded by lock. */
	alignas(CACHE_LINE) struct hlist *level[NR_CLASSES][SLAB_LEVELS];
	struct hlist *mixed; /* all mixed slabs... */
	struct rooms rooms;  /* ...where there is room in them... */
	size_t mixed_bytes;  /* ...and how long they are */
	_Atomic u64 aligned; /* classes: see mixing_align(); anybody sets it */
	_Atomic size_t strain; /* bytes to be freed yet: see mixing_is_calm() */
	/* Counters that the owner reads without the lock: of plain slabs... */
	_Atomic u32 slots[NR_CLASSES];
	_Atomic u32 vacant[NR_CLASSES]; /* those that are free... */
	_Atomic u64 slack[CLASS_WORDS]; /* ...classes with much vacant, and... */
	struct turnover turnover[NR_CLASSES];
	_Atomic size_t used; /* bytes of slots handed to caches or users */
	struct hlist *empty[NR_CLASSES]; /* empty slabs by class... */
	struct list spare; /* ...and of all, each the newest first */
	u32 spare_units;
	_Atomic u32 max_spare;	/* units; the owner sets it */
	_Atomic bool is_frugal; /* small slabs only; the owner sets it */
	size_t slab_bytes;	/* of all slabs */
	u64 nr_refills, nr_flushes;
	u64 seen_turns; /* of both, when reclaim_settle() last came by... */
	u64 rest_ms;	/* ...and since when they were the same */
	bool is_settled; /* slabs were looked at since */

	/* The owner's: objects of mixed slabs on their way back. */
	void *loose[MOST_LOOSE];
	unsigned int nr_loose;
	struct large_figures large; /* only the owner writes */
};

/* Of theaps.c */
struct theap *theap_acquire(void);
void theap_release(struct theap *h);
struct theap *theap_by_id(u32 id);
u32 theap_count(void);
struct theap *theap_next(struct theap *h);
void theap_lock_all(void);
void theap_unlock_all(void);
void theap_reset_all(struct theap *mine);

/* Of theap.c */
unsigned int theap_refill(struct theap *h, unsigned int c, void **objs,
			  unsigned int nr);
void theap_return(struct theap *h, unsigned int c, void **objs,
		  unsigned int nr);
void theap_drain(struct theap *h);
size_t theap_vacant(struct theap *h);
size_t theap_used(const struct theap *h);
unsigned int theap_class_vacant(const struct theap *h, unsigned int c);
size_t theap_class_bytes(const struct theap *h, unsigned int c);
void theap_trim(struct theap *h, unsigned int keep);
void theap_tidy(struct theap *h, unsigned int keep);
void theap_check(struct theap *h);

/* Below: for reclaim.c, vacate.c and mixing.c. */

/* How often slots were taken or returned. */
static inline u64 theap_turns(const struct theap *h)
{
	return h->nr_refills + h->nr_flushes;
}

/* So many slots of a class more are free, or fewer.  Lock held. */
static inline void theap_count_vacant(struct theap *h, unsigned int c, int n)
{
	_Atomic u64 *slack = &h->slack[c / 64];
	size_t bytes;
	u64 bit;

	counter_add(&h->vacant[c], n);
	bytes = (size_t)counter_read(&h->vacant[c]) * size_classes[c].size;
	bit = (u64)(bytes >= SLACK) << (c % 64);
	atomic_store_explicit(slack,
			      (counter_read(slack) & ~(1ULL << (c % 64))) | bit,
			      memory_order_relaxed);
}

/* Slots of a class that come or go, so many of them free.  Lock held. */
static inline void theap_count_slots(struct theap *h, unsigned int c,
				     int nr_slots, int nr_free)
{
	counter_add(&h->slots[c], nr_slots);
	theap_count_vacant(h, c, nr_free);
}

void theap_place(struct theap *h, struct slab *s);
void theap_unplace(struct theap *h, struct slab *s);

#endif
