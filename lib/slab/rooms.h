/* SPDX-License-Identifier: MIT */
/*
 * Which mixed slabs have a run of free granules of which length.  A run's *room*
 * is the largest class that it holds: up to 1 KiB there is a room for each
 * length, and longer ones share the last.
 *
 * The slabs are leaves of a tree in which each node has 60 children, and for
 * each room one word that tells under which of them there may be such a run.
 * May: a note is taken when a run comes into being, and goes only when somebody
 * looks for the run and finds none; so what is freed and joined needs no search
 * for others like it.  A slab keeps its place, and of several that will do the
 * first is found: the last ones get empty.
 *
 * Data only; the thread heap that owns the slabs guards it.
 */
#ifndef ASHLAR_SLAB_ROOMS_H
#define ASHLAR_SLAB_ROOMS_H

#include "slab/sizeclass.h"

enum {
	NR_ROOMS = NR_FINE, /* classes that mixed slabs serve */
	ROOMS_FAN = 60, /* so many that a node is 1 KiB */
};

struct slab;

struct rooms_node {
	u64 has[NR_ROOMS];
	u64 open; /* bit n: there is a place free under child n */
	struct rooms_node *parent;
	unsigned int digit; /* which child of it this is */
	void *child[ROOMS_FAN]; /* nodes; slabs, if this is a lowest one */
};

static_assert(sizeof(struct rooms_node) <= 1024, "a node takes 2 KiB");

struct rooms {
	struct rooms_node *root;
	u64 some; /* bit r: there may be a run of room r */
};

struct rooms_node *rooms_prepare(struct rooms *r);
void rooms_add(struct rooms_node *leaf, struct slab *s);
void rooms_remove(struct rooms *r, struct slab *s);
void rooms_note(struct rooms *r, struct slab *s, u64 rooms);
void rooms_forget(struct rooms *r, struct slab *s, unsigned int room);
struct slab *rooms_find(const struct rooms *r, unsigned int least,
			unsigned int *ret_room);
u64 rooms_of(const struct slab *s);

/* The room of a run; @granules is not 0. */
static inline unsigned int room_of(unsigned int granules)
{
	return min_size(granules, NR_ROOMS) - 1;
}

#endif
