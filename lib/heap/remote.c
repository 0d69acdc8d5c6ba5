// SPDX-License-Identifier: MIT
/*
 * Foreign objects are gathered by owner in parcels, arrays of pointers, and
 * pushed to the owner's inbox a parcel at a time, by one compare-and-swap.  The
 * objects themselves are not touched.
 *
 * Bounds: a parcel holds 62 objects, and 16 KiB at most of objects above
 * FINE_MAX; an inbox that holds more than INBOX_MAX objects, or whose owner has
 * no thread, is emptied by whoever notices.
 */
#include "heap/remote.h"

#include "heap/parcel.h"
#include "heap/theap.h"

enum {
	PARCEL_BYTES = 16 << 10,
	INBOX_MAX = 4096,
};

static u32 entry_owner(u64 entry)
{
	return (u32)entry >> ENTRY_OWNER_SHIFT;
}

static void drain(struct theap *h)
{
	theap_drain(h);
	lock_release(&h->lock);
}

static void send(struct theap *h, struct parcel *p)
{
	u32 total = parcel_send(h, p);

	/*
	 * Either this load sees the owner gone, or the owner, who looks into
	 * the inbox after saying so, sees the parcel.
	 */
	if (atomic_load(&h->is_idle))
		theap_tidy(h, 0);
	else if (total >= INBOX_MAX && lock_try(&h->lock))
		drain(h);
}

static void flush(struct tcache *t, struct remote_slot *r)
{
	struct parcel *p = r->parcel;
	struct theap *h;

	if (!p)
		return;
	h = theap_by_id(r->tag >> ENTRY_OWNER_SHIFT);
	p->nr = r->at - p->objs;
	r->parcel = NULL;
	r->at = NULL;
	r->end = NULL;
	r->bytes = 0;
	send(h, p);
	parcel_fetch_empties(t, h);
}

static bool prepare(struct tcache *t, struct remote_slot *r, u32 tag)
{
	struct parcel *p = parcel_get(t);

	if (!p)
		return false;
	r->parcel = p;
	r->at = p->objs;
	r->end = p->objs + PARCEL_OBJS;
	r->tag = tag;
	return true;
}

/**
 * remote_free() - free an object of another heap
 * @t: the caller's cache
 * @entry: the object's page map entry
 * @obj: the object
 */
void remote_free(struct tcache *t, u64 entry, void *obj)
{
	u32 tag = entry_owner(entry) << ENTRY_OWNER_SHIFT;
	struct remote_slot *r = remote_slot_of(t, entry);
	size_t size = slab_object_size(entry, obj);

	if (r->tag != tag || r->at == r->end) {
		flush(t, r);
		if (!prepare(t, r, tag))
			return remote_free_now(entry, obj);
	}
	*r->at++ = obj;
	if (size > FINE_MAX)
		r->bytes += size;
	if (r->bytes >= PARCEL_BYTES)
		flush(t, r);
}

/**
 * remote_free_now() - the same, with no parcel to be had
 * @entry: the object's page map entry
 * @obj: the object
 */
void remote_free_now(u64 entry, void *obj)
{
	struct theap *h = theap_by_id(entry_owner(entry));

	theap_return(h, slab_object_class(entry, obj), &obj, 1);
	if (atomic_load(&h->is_idle))
		theap_tidy(h, 0);
}

/* Send off whatever is gathered. */
void remote_flush_all(struct tcache *t)
{
	for (unsigned int i = 0; i < REMOTE_SLOTS; i++)
		flush(t, &t->remote[i]);
	parcel_put_all(t);
}
