// SPDX-License-Identifier: MIT
/*
 * Foreign objects are gathered by owner, linked through themselves, and pushed
 * to the owner's inbox as one chain by one compare-and-swap.  The inbox is a
 * Treiber stack that is only ever emptied whole, so it has no ABA problem.
 *
 * Bounds: a batch holds 64 objects and 16 KiB at most; an inbox that holds more
 * than INBOX_MAX objects, or whose owner has no thread, is emptied by whoever
 * notices.
 */
#include "heap/remote.h"

#include "heap/theap.h"

enum {
	BATCH_OBJS = 64,
	BATCH_BYTES = 16 << 10,
	INBOX_MAX = 4096,
};

static u32 entry_owner(u64 entry)
{
	return (u32)entry >> ENTRY_OWNER_SHIFT;
}

/* Push a chain; @tail links to whatever was there. */
static void push(struct theap *h, void *head, void *tail, u32 nr)
{
	void *old = atomic_load_explicit(&h->inbox, memory_order_relaxed);
	u32 total;

	total = atomic_fetch_add_explicit(&h->inbox_nr, nr,
					  memory_order_relaxed) + nr;
	atomic_fetch_add_explicit(&h->nr_remote, nr, memory_order_relaxed);
	do {
		*(void **)tail = old;
	} while (!atomic_compare_exchange_weak(&h->inbox, &old, head));
	/*
	 * Either this load sees the owner gone, or the owner, who looks into
	 * the inbox after saying so, sees the chain.
	 */
	if (atomic_load(&h->is_idle)) {
		lock_acquire(&h->lock);
		theap_drain(h);
		theap_trim(h);
	} else if (total < INBOX_MAX || !lock_try(&h->lock)) {
		return;
	} else {
		theap_drain(h);
	}
	lock_release(&h->lock);
}

static void flush(struct remote_batch *b)
{
	if (!b->nr)
		return;
	push(theap_by_id(b->owner), b->head, b->tail, b->nr);
	b->nr = 0;
	b->bytes = 0;
	b->head = NULL;
}

/**
 * remote_free() - free an object of another heap
 * @t: the caller's cache
 * @entry: the object's page map entry
 * @obj: the object
 */
void remote_free(struct tcache *t, u64 entry, void *obj)
{
	u32 owner = entry_owner(entry);
	struct remote_batch *b = &t->remote[owner % REMOTE_SLOTS];

	if (b->owner != owner) {
		flush(b);
		b->owner = owner;
	}
	if (!b->nr)
		b->tail = obj;
	*(void **)obj = b->head;
	b->head = obj;
	b->bytes += size_classes[(u8)entry].size;
	if (++b->nr >= BATCH_OBJS || b->bytes >= BATCH_BYTES)
		flush(b);
}

/**
 * remote_free_now() - the same, from a thread without a cache
 * @entry: the object's page map entry
 * @obj: the object
 */
void remote_free_now(u64 entry, void *obj)
{
	push(theap_by_id(entry_owner(entry)), obj, obj, 1);
}

/* Send off whatever is gathered. */
void remote_flush_all(struct tcache *t)
{
	for (unsigned int i = 0; i < REMOTE_SLOTS; i++)
		flush(&t->remote[i]);
}
