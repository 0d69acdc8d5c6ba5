// SPDX-License-Identifier: MIT
/*
 * remote.c - foreign objects are gathered and sent: a parcel at a time, sooner
 * where they are large, to the right owner, to one that is idle, to one whose
 * inbox is full; and nothing of it is lost.
 */
#include "ktap.h"
#include "testlib.h"

#include "heap/parcel.h"
#include "heap/process.h"
#include "heap/remote.h"
#include "heap/theap.h"

enum { SMALL = 3, BIG = 84, MOST = 5000 };

static struct theap *owner;
static void *objs[MOST];

static struct tcache *freer(void)
{
	return &tcache;
}

static int set_up(void)
{
	if (!EXPECT(process_init(), "the library can't be set up"))
		return 0;
	owner = theap_acquire();
	return EXPECT(owner, "no heap");
}

static void take(struct theap *h, unsigned int c, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		EXPECT(theap_refill(h, c, &objs[i], 1), "out of memory");
}

static void free_some(unsigned int from, unsigned int nr)
{
	for (unsigned int i = from; i < from + nr; i++)
		remote_free(freer(), space_load(objs[i]), objs[i]);
}

static unsigned int in_inbox(void)
{
	struct parcel *all = parcel_take_inbox(owner), *p;
	unsigned int nr = 0;

	for (p = all; p; p = p->next) {
		for (u64 i = 0; i < p->nr; i++)
			theap_return(owner,
				     slab_object_class(space_load(p->objs[i]),
						       p->objs[i]),
				     &p->objs[i], 1);
		nr += p->nr;
	}
	parcel_give_back(owner, all);
	return nr;
}

static void tear_down(void)
{
	remote_flush_all(freer());
	in_inbox();
	EXPECT_EQ(0, theap_used(owner));
	theap_release(owner);
	EXPECT_EQ(0, owner->slab_bytes);
}

static void by_parcels(void)
{
	if (!set_up())
		return;
	take(owner, SMALL, PARCEL_OBJS + 1);
	free_some(0, PARCEL_OBJS);
	EXPECT_EQ(0, in_inbox()); /* full, and not sent yet */
	free_some(PARCEL_OBJS, 1);
	EXPECT_EQ(PARCEL_OBJS, in_inbox());
	remote_flush_all(freer());
	EXPECT_EQ(1, in_inbox());
	tear_down();
}

/* A few large objects must not wait as long as many small ones. */
static void large_ones_sooner(void)
{
	unsigned int nr = (16 << 10) / size_classes[BIG].size;

	if (!set_up())
		return;
	nr += nr * size_classes[BIG].size < 16 << 10;
	take(owner, BIG, nr);
	free_some(0, nr - 1);
	EXPECT_EQ(0, in_inbox());
	free_some(nr - 1, 1);
	EXPECT_EQ(nr, in_inbox());
	tear_down();
}

/* Owners whose ids share a place drive each other out, with all they have. */
static void owners_that_share(void)
{
	struct theap *others[2 * REMOTE_SLOTS], *other = NULL;
	void *obj;
	unsigned int i;

	if (!set_up())
		return;
	for (i = 0; i < 2 * REMOTE_SLOTS; i++) {
		others[i] = theap_acquire();
		if (others[i] && others[i] != owner &&
		    others[i]->id % REMOTE_SLOTS == owner->id % REMOTE_SLOTS)
			other = others[i];
	}
	if (EXPECT(other, "no other owner")) {
		take(owner, SMALL, 5);
		EXPECT(theap_refill(other, SMALL, &obj, 1), "out of memory");
		free_some(0, 5);
		remote_free(freer(), space_load(obj), obj);
		EXPECT_EQ(5, in_inbox());
		remote_flush_all(freer());
		EXPECT_EQ(0, in_inbox()); /* that one was not its own */
	}
	for (i = 0; i < 2 * REMOTE_SLOTS; i++) {
		theap_release(others[i]); /* takes what came meanwhile */
		EXPECT_EQ(0, theap_used(others[i]));
	}
	tear_down();
}

/* Nobody would look into the inbox: whoever sends puts it away. */
static void idle_owner(void)
{
	if (!set_up())
		return;
	take(owner, SMALL, 100);
	theap_release(owner);
	free_some(0, 100);
	remote_flush_all(freer());
	EXPECT_EQ(0, theap_used(owner));
	EXPECT_EQ(0, owner->slab_bytes);
	EXPECT(!parcel_take_inbox(owner), "left in the inbox");
	EXPECT(theap_acquire() == owner, "another heap");
	/* One at a time, where there is no parcel. */
	take(owner, SMALL, 1);
	theap_release(owner);
	remote_free_now(space_load(objs[0]), objs[0]);
	EXPECT_EQ(0, owner->slab_bytes);
	EXPECT(theap_acquire() == owner, "another heap");
	tear_down();
}

/* The owner does not come by: at some length others empty it. */
static void inbox_is_bounded(void)
{
	if (!set_up())
		return;
	take(owner, SMALL, MOST);
	free_some(0, MOST);
	remote_flush_all(freer());
	EXPECT(in_inbox() < 4096, "not emptied");
	EXPECT_EQ(0, theap_used(owner));
	tear_down();
}

static const struct ktap_test tests[] = {
	{"by_parcels", by_parcels},
	{"large_ones_sooner", large_ones_sooner},
	{"owners_that_share", owners_that_share},
	{"idle_owner", idle_owner},
	{"inbox_is_bounded", inbox_is_bounded},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
