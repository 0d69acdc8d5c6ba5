/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A region: what one mmap() of the device made, in one process.
 *
 * fork() gives the child a region of its own that shares pages with the
 * parent's; all regions that come from one mmap() are a family, and share the
 * file that their VMAs point to.
 *
 * Lock order, all of the module:
 *	mmap lock / VMA lock
 *	  list of all regions (holders.c)
 *	  slot mutex (region->locks)
 *	    reclaim, memory cgroup
 *	      page lock, i_mmap_rwsem
 *	        page-table lock
 *	family->lock, and the locks of client.c, are leaves that may be taken
 *	under any of the first two; pool locks are leaves under everything.
 * No slot mutex is ever taken under a page lock.
 */
#ifndef ASHLAR_REGION_H
#define ASHLAR_REGION_H

#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "hunk.h"
#include "place.h"

struct client;
struct overlay;

/* Slot mutexes of a region; a slot's is chosen by its index. */
#define REGION_LOCKS 16

/* struct slot::flags */
#define SLOT_PTE	BIT(0)	/* was mapped by base pages since the last remap */
#define SLOT_BROKEN	BIT(1)	/* by ASHLAR_IOC_BREAK */

/**
 * struct slot - one hunk of address space
 * @huge: head of a hunk, or NULL
 * @overlay: base pages that go before @huge, or NULL
 * @flags: SLOT_*
 *
 * Guarded by the slot mutex.  A page that is in neither reads as zeroes.
 */
struct slot {
	struct page *huge;
	struct overlay *overlay;
	unsigned long flags;
};

/**
 * struct family - regions that come from one mmap()
 * @refs: one for each region, one for the file
 * @client: whose quota the memory counts against
 * @inode: the file's, with a reference: the background outlives the file;
 *	zapping its mapping reaches every relative's VMAs
 * @lock: guards @regions; a leaf
 * @regions: all of them
 * @fold_pass: number of the current pass; guarded by @lock
 * @fold_work: folds back what is shared no more
 */
struct family {
	refcount_t refs;
	struct client *client;
	struct inode *inode;
	struct mutex lock;
	struct list_head regions;
	unsigned int fold_pass;
	struct delayed_work fold_work;
};

/**
 * struct ticket - leave to mremap() once
 * @task: who has it, only compared; NULL: nobody
 * @pgoff: first page of the range
 * @nr_pages: its length
 *
 * Guarded by the mmap write lock.
 */
struct ticket {
	struct task_struct *task;
	unsigned long pgoff;
	unsigned long nr_pages;
};

/**
 * struct region - a family's memory in one process
 * @node: in family->regions
 * @held: in the list of all regions with VMAs (holders.c)
 * @family: the family
 * @vmas: how many point here; at 0 the region leaves the family
 * @refs: one for all VMAs together, and the background's
 * @mm: of the process, only compared
 * @base: page offset of slot 0, which is its address in pages
 * @nr_slots: how many
 * @fold_pass: number of the last pass over it; guarded by family->lock
 * @policy: of the region
 * @ticket: for mremap()
 * @locks: slot mutexes
 * @slots: the memory
 */
struct region {
	struct list_head node;
	struct list_head held;
	struct family *family;
	refcount_t vmas;
	refcount_t refs;
	struct mm_struct *mm;
	unsigned long base;
	unsigned long nr_slots;
	unsigned int fold_pass;
	struct policy policy;
	struct ticket ticket;
	struct mutex locks[REGION_LOCKS];
	struct slot slots[];
};

static inline struct mutex *slot_lock(struct region *region, unsigned long idx)
{
	return &region->locks[idx % REGION_LOCKS];
}

static inline unsigned long region_addr(const struct region *region,
					unsigned long idx)
{
	return (region->base << PAGE_SHIFT) + idx * HUNK_SIZE;
}

static inline unsigned long region_end(const struct region *region)
{
	return region_addr(region, region->nr_slots);
}

/* Where the part of a VMA that is the region's ends: the VMA may have grown. */
static inline unsigned long region_vma_end(const struct region *region,
					   const struct vm_area_struct *vma)
{
	return min(vma->vm_end, region_end(region));
}

int regions_init(void);
void regions_settle(void);
void regions_exit(void);
struct super_block *regions_sb(void);

struct family *family_create(struct client *client, struct file **ret_file);
void family_put(struct family *family);

struct region *region_create(struct family *family, struct mm_struct *mm,
			     unsigned long base, unsigned long nr_slots);
struct region *region_find(struct family *family, struct mm_struct *mm);
void region_publish(struct region *region);
void region_open(struct region *region);
void region_close(struct region *region);
void region_destroy(struct region *region);

struct region *vma_region(const struct vm_area_struct *vma);
struct region *region_at(struct mm_struct *mm, unsigned long addr,
			 struct vm_area_struct **ret_vma);

#endif /* ASHLAR_REGION_H */
