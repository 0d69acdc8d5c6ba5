// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page cache that every handed-out page is parked in.
 *
 * A page without a mapping is charged to nobody and breaks shared futexes, and
 * with them pthread_join().  So each page in use sits in the page cache of one
 * of a few inodes that nobody can open, at an index never used again:
 * filemap_add_folio() charges the caller's memory cgroup on the way.  The
 * mappings are unevictable, so reclaim leaves the pages alone, and the extra
 * reference that the owner keeps makes migration refuse them.
 *
 * Nothing is mapped through these inodes: VMAs belong to region files.
 */
#include "park.h"

#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/smp.h>

#include "compat.h"
#include "failpoint.h"
#include "hunk.h"
#include "stats.h"

/* Against contention on the trees' locks. */
#define NR_LOTS 16

/**
 * struct lot - one inode to park in
 * @inode: it
 * @next: index of the next page; dense, so that the tree stays small
 */
struct lot {
	struct inode *inode;
	atomic_long_t next;
};

static struct lot huge_lots[NR_LOTS], small_lots[NR_LOTS];

static int lot_init(struct lot *lot, struct super_block *sb)
{
	struct inode *inode = alloc_anon_inode(sb);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	/* page_cache_remove() takes pages of regular files only. */
	inode->i_mode = S_IFREG;
	i_size_write(inode, MAX_LFS_FILESIZE);
	mapping_set_unevictable(inode->i_mapping);
	mapping_set_large_folios(inode->i_mapping);
	lot->inode = inode;
	return 0;
}

static void lot_fini(struct lot *lot)
{
	if (!lot->inode)
		return;
	WARN_ON_ONCE(lot->inode->i_mapping->nrpages);
	iput(lot->inode);
	lot->inode = NULL;
}

/**
 * park_init() - make the inodes
 * @sb: the module's pseudo file system
 *
 * Return: 0 or -errno.
 */
int park_init(struct super_block *sb)
{
	int i, err;

	for (i = 0; i < NR_LOTS; i++) {
		err = lot_init(&huge_lots[i], sb);
		if (!err)
			err = lot_init(&small_lots[i], sb);
		if (err) {
			park_exit();
			return err;
		}
	}
	return 0;
}

/**
 * park_exit() - drop the inodes; every page has left
 */
void park_exit(void)
{
	int i;

	for (i = 0; i < NR_LOTS; i++) {
		lot_fini(&huge_lots[i]);
		lot_fini(&small_lots[i]);
	}
}

/**
 * park_page() - charge a page to the current task's memory cgroup and park it
 * @page: head of a hunk, or a base page; one reference, the caller's
 * @gfp: how hard to try
 *
 * Return: 0, or -ENOMEM; then the page is as it was.
 */
int park_page(struct page *page, gfp_t gfp)
{
	struct folio *folio = page_folio(page);
	struct lot *lots = folio_test_large(folio) ? huge_lots : small_lots;
	struct lot *lot = &lots[raw_smp_processor_id() % NR_LOTS];
	long nr = folio_nr_pages(folio);
	pgoff_t index;
	int err;

	if (should_fail_at(FAIL_CHARGE))
		return -ENOMEM;
	if (trap_open(TRAP_UNPARKED))
		return 0;
	index = atomic_long_fetch_add(nr, &lot->next);
	folio_mark_uptodate(folio);
	err = filemap_add_folio(lot->inode->i_mapping, folio, index, gfp);
	if (err)
		return -ENOMEM;
	folio_unlock(folio);
	return 0;
}

/**
 * unpark_page() - take a page out of the cache again
 * @page: parked and mapped nowhere; the caller keeps its reference
 *
 * By hand, since truncate_inode_pages_range() looks the page up four times.
 */
void unpark_page(struct page *page)
{
	struct folio *folio = page_folio(page);

	if (!folio->mapping)
		return;
	folio_lock(folio);
	WARN_ON_ONCE(page_cache_remove(folio->mapping, folio));
	folio_unlock(folio);
}

/**
 * park_owns() - whether a page of this mapping is parked
 * @mapping: only compared
 */
bool park_owns(const struct address_space *mapping)
{
	int i;

	for (i = 0; i < NR_LOTS; i++)
		if (mapping == huge_lots[i].inode->i_mapping ||
		    mapping == small_lots[i].inode->i_mapping)
			return true;
	return false;
}

/**
 * park_refs() - references that the cache holds on a page
 * @page: head of a hunk, or a base page
 */
int park_refs(struct page *page)
{
	struct folio *folio = page_folio(page);

	return folio->mapping ? folio_nr_pages(folio) : 0;
}
