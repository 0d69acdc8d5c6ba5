/* SPDX-License-Identifier: MIT */
/*
 * The huge-page heap: one a NUMA node.  It hands out runs of units, fills the
 * fullest huge page that fits, keeps whole ones free to give back, and gives
 * them back as they age.  What a run is used for is not its business.
 */
#ifndef ASHLAR_HPHEAP_HPHEAP_H
#define ASHLAR_HPHEAP_HPHEAP_H

#include "hpheap/decay.h"
#include "hpheap/hpset.h"
#include "rt/lock.h"

enum { MAX_NODES = 64 }; /* bits of a word */

/*
 * Of those in partial use: begun with a short run that was to stay, with one of
 * a kind that comes and goes, with a long one; and broken.
 */
enum hpset_id { SET_STAYING, SET_FLEETING, SET_LONG, SET_BROKEN, NR_SETS };

struct hpheap_stats {
	size_t mapped;	   /* bytes ever taken into use */
	size_t used;	   /* bytes in runs */
	size_t dirty;	   /* bytes free that the kernel still backs */
	size_t held;	   /* bytes backed, huge pages whole */
	size_t nr_hpages;  /* huge pages with a unit in use */
	size_t nr_empty;   /* without */
	size_t nr_broken;  /* of nr_hpages, partly given back */
	u64 purged;	   /* bytes given back */
	u64 nr_purges;	   /* system calls for it */
	u64 purge_ns;	   /* time in them */
	u64 purge_max_ns;  /* the longest */
	u64 prefaulted;	   /* bytes backed ahead of demand */
	u64 prefault_hits; /* of these, bytes in huge pages that were taken */
	u64 prefault_ns;   /* CPU time in it */
	u64 nr_collapsed;  /* broken huge pages made huge again */
	u64 nr_refused;	   /* times the kernel would not */
	int refused_err;   /* -errno of the last of these */
};

struct hpheap {
	struct lock lock;
	/* Only one thread grows the heap; outermost, never needed otherwise. */
	struct lock grow_lock;
	/* Only one thread purges; as above.  Held while a page is HP_BUSY. */
	struct lock purge_lock;
	unsigned int node;
	_Atomic u32 vain_ms; /* when a slice of purging last found nothing */
	/* All below guarded by lock. */
	struct hpset sets[NR_SETS];
	struct list empty_dirty; /* newest first */
	struct list full_broken; /* HP_FULL and broken: to be rebuilt */
	u64 *free_map;		 /* one bit a huge page: HP_EMPTY */
	size_t free_lo;		 /* no free bit in words before this one */
	size_t nr_dirty;	 /* units */
	size_t nr_ahead;	 /* units to be ready, see prefault.c */
	struct decay decay;
	struct hpheap_stats stats;
};

/* Base pages of one huge page, in use, that hold nothing. */
struct hollow {
	size_t unit; /* first one */
	u32 nr_units;
};

enum { HOLLOW_MAX = 64 };

/* How such base pages are given back. */
enum hollow_how {
	HOLLOW_NOT,   /* whole huge pages only */
	HOLLOW_PARTS, /* part by part */
	HOLLOW_BREAK, /* all those of a huge page together */
};

/* What others see of a huge page. */
struct hpage_view {
	u8 state; /* enum hpage_state */
	bool is_broken;
	u16 nr_used, nr_dirty;
	u32 since_ms;
};

struct run {
	size_t unit; /* first one */
	size_t nr_stale; /* from there on; all behind them read as zeroes */
};

/* Adjacent runs of one length, HPAGE_UNITS at most. */
struct run_want {
	unsigned int nr_units; /* of each */
	unsigned int most;     /* so many runs */
	bool is_fleeting;      /* the last ones like them were soon gone */
};

struct hpheap *hpheap_get(unsigned int node);
struct hpheap *hpheap_next(const struct hpheap *h);
void hpheap_lock_all(void);
void hpheap_unlock_all(void);
void hpheap_reset_all(void);
int hpheap_alloc(struct hpheap *h, size_t nr_units, size_t align_units,
		 struct run *ret_run);
void hpheap_free(size_t unit, size_t nr_units);
int hpheap_alloc_some(struct hpheap *h, const struct run_want *want,
		      struct run *ret_run, unsigned int *ret_nr);
bool hpheap_extend(size_t unit, size_t nr_units, size_t new_nr_units);
enum hollow_how hpheap_hollow_how(size_t unit);
void hpheap_hollow(const struct hollow *parts, unsigned int nr);
bool hpheap_look(size_t hpage, struct hpage_view *ret_view);
bool hpheap_break(size_t hpage, const struct bitmap *vacant);
bool hpheap_touch(size_t unit, size_t nr_units);
size_t hpheap_used(struct hpheap *h);
void hpheap_stats_add(struct hpheap *h, struct hpheap_stats *sum);
unsigned int hpheap_sample(struct hpheap *h, void **ret_pages,
			   unsigned int max);
void hpheap_check(struct hpheap *h);

/* Below: for batch.c and others that give back or rebuild. */
void hpheap_detach(struct hpheap *h, struct hpage *hp);
void hpheap_attach(struct hpheap *h, struct hpage *hp);
size_t hpheap_index(const struct hpage *hp);
bool hpage_is_huge(const struct hpage *hp);

/* Below: charge.c. */
bool hpheap_charge(struct hpheap *h, size_t unit, size_t nr_units);
void hpheap_settle(struct hpheap *h, struct hpage *hp);

#endif
