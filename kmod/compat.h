/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows one kernel version from another.
 *
 * Newer kernels' names are given to older ones, so that the rest of the module
 * reads as if written for the newest.  It is no feature table: what cannot be
 * done on a kernel is said in the documentation.  Window: 6.1 to 6.12.
 */
#ifndef ASHLAR_COMPAT_H
#define ASHLAR_COMPAT_H

#include <linux/version.h>
#include <linux/mm.h>
#include <linux/mempolicy.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#ifdef CONFIG_MEMCG
/* A task of a process; NULL: it is ending.  Under rcu_read_lock(). */
static inline struct task_struct *mm_owner(struct mm_struct *mm)
{
	return rcu_dereference(mm->owner);
}
#else
static inline struct task_struct *mm_owner(struct mm_struct *mm)
{
	return NULL;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}

/* For private copies of a VMA that no lock guards. */
static inline void vma_copy_flags_set(struct vm_area_struct *copy,
				      vm_flags_t flags)
{
	copy->vm_flags |= flags;
}
#else
static inline void vma_copy_flags_set(struct vm_area_struct *copy,
				      vm_flags_t flags)
{
	ACCESS_PRIVATE(copy, __vm_flags) |= flags;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
/* Before per-VMA locks the mmap lock alone keeps faults out. */
static inline void vma_start_write(struct vm_area_struct *vma)
{
}

#define FAULT_FLAG_VMA_LOCK 0
#endif

/*
 * .get_policy: mbind()'s, unless it asks for NUMA balancing, which memory that
 * does not migrate must be left out of.  The caller drops a reference only from
 * a policy with MPOL_F_SHARED, which is none of these.
 */
static inline struct mempolicy *vma_still_policy(struct vm_area_struct *vma)
{
	struct mempolicy *pol = vma->vm_policy;

	return pol && !(pol->flags & MPOL_F_MOF) ? pol : NULL;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
/* None: these kernels do not look at the task's then. */
static inline struct mempolicy *
vma_get_policy(struct vm_area_struct *vma, unsigned long addr)
{
	return vma_still_policy(vma);
}

struct ashlar_shrinker {
	struct shrinker shrinker;
};

static inline int shrinker_add(struct ashlar_shrinker *s, const char *name,
			       unsigned long (*count)(struct shrinker *,
						      struct shrink_control *),
			       unsigned long (*scan)(struct shrinker *,
						     struct shrink_control *))
{
	s->shrinker.count_objects = count;
	s->shrinker.scan_objects = scan;
	s->shrinker.seeks = 0;
	s->shrinker.flags = SHRINKER_NUMA_AWARE;
	return register_shrinker(&s->shrinker, "%s", name);
}

static inline void shrinker_remove(struct ashlar_shrinker *s)
{
	unregister_shrinker(&s->shrinker);
}
#else
/* Here NULL would mean the task's policy, and with it NUMA balancing. */
static inline struct mempolicy *
vma_get_policy(struct vm_area_struct *vma, unsigned long addr, pgoff_t *ilx)
{
	static struct mempolicy stay = {
		.refcnt = ATOMIC_INIT(1),
		.mode = MPOL_LOCAL,
	};

	*ilx = 0;
	return vma_still_policy(vma) ?: &stay;
}

struct ashlar_shrinker {
	struct shrinker *shrinker;
};

static inline int shrinker_add(struct ashlar_shrinker *s, const char *name,
			       unsigned long (*count)(struct shrinker *,
						      struct shrink_control *),
			       unsigned long (*scan)(struct shrinker *,
						     struct shrink_control *))
{
	s->shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "%s", name);
	if (!s->shrinker)
		return -ENOMEM;
	s->shrinker->count_objects = count;
	s->shrinker->scan_objects = scan;
	s->shrinker->seeks = 0;
	shrinker_register(s->shrinker);
	return 0;
}

static inline void shrinker_remove(struct ashlar_shrinker *s)
{
	shrinker_free(s->shrinker);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
/* One locked page out of the page cache. */
static inline int page_cache_remove(struct address_space *mapping,
				    struct folio *folio)
{
	return generic_error_remove_page(mapping, &folio->page);
}
#else
static inline int page_cache_remove(struct address_space *mapping,
				    struct folio *folio)
{
	return generic_error_remove_folio(mapping, folio);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#define mpol_is_interleave(mode) ((mode) == MPOL_INTERLEAVE)
#else
#define mpol_is_interleave(mode) \
	((mode) == MPOL_INTERLEAVE || (mode) == MPOL_WEIGHTED_INTERLEAVE)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
static inline unsigned long
plain_unmapped_area(struct file *file, unsigned long addr, unsigned long len,
		    unsigned long pgoff, unsigned long flags)
{
	return current->mm->get_unmapped_area(file, addr, len, pgoff, flags);
}
#else
static inline unsigned long
plain_unmapped_area(struct file *file, unsigned long addr, unsigned long len,
		    unsigned long pgoff, unsigned long flags)
{
	return mm_get_unmapped_area(current->mm, file, addr, len, pgoff, flags);
}
#endif

#endif /* ASHLAR_COMPAT_H */
