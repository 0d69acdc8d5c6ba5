// SPDX-License-Identifier: MIT
/*
 * A tree of bitmaps over the mixed slabs of one thread heap.
 */
#include "slab/rooms.h"

#include "rt/meta.h"
#include "slab/slab.h"

enum { LEVELS = 4 }; /* of nodes: 13 million slabs */

static struct rooms_node *create(struct rooms_node *parent, unsigned int digit)
{
	struct rooms_node *n = meta_alloc(sizeof(*n));

	if (!n)
		return NULL;
	n->open = ~0ULL >> (64 - ROOMS_FAN);
	n->parent = parent;
	n->digit = digit;
	if (parent)
		parent->child[digit] = n;
	return n;
}

/**
 * rooms_prepare() - find a place for one more slab
 * @r: the tree
 *
 * Return: the node that has it, for rooms_add(); NULL when out of memory.
 */
struct rooms_node *rooms_prepare(struct rooms *r)
{
	struct rooms_node *n = r->root;

	if (!n)
		n = r->root = create(NULL, 0);
	for (unsigned int l = 1; n && n->open && l < LEVELS; l++) {
		unsigned int digit = ctz64(n->open);

		n = n->child[digit] ? n->child[digit] : create(n, digit);
	}
	return n && n->open ? n : NULL;
}

/**
 * rooms_add() - give a slab its place, with nothing noted
 * @leaf: from rooms_prepare()
 * @s: the slab
 */
void rooms_add(struct rooms_node *leaf, struct slab *s)
{
	struct rooms_node *n = leaf;
	unsigned int digit = ctz64(n->open);

	n->child[digit] = s;
	s->mix.leaf = n;
	s->mix.digit = digit;
	while (n && !(n->open &= ~(1ULL << digit))) {
		digit = n->digit;
		n = n->parent;
	}
}

/* Its place is free. */
void rooms_remove(struct rooms *r, struct slab *s)
{
	unsigned int digit = s->mix.digit;

	for (u64 m = rooms_of(s); m; m &= m - 1)
		rooms_forget(r, s, ctz64(m));
	s->mix.leaf->child[digit] = NULL;
	for (struct rooms_node *n = s->mix.leaf; n; n = n->parent) {
		n->open |= 1ULL << digit;
		digit = n->digit;
	}
}

static void note(struct rooms *r, struct slab *s, unsigned int room)
{
	struct rooms_node *n = s->mix.leaf;
	unsigned int digit = s->mix.digit;

	while (n) {
		u64 before = n->has[room];

		n->has[room] = before | 1ULL << digit;
		if (before) /* and so it is noted above */
			return;
		digit = n->digit;
		n = n->parent;
	}
	r->some |= 1ULL << room;
}

/**
 * rooms_note() - a slab has runs of some rooms
 * @r: the tree
 * @s: the slab
 * @rooms: one bit each
 */
void rooms_note(struct rooms *r, struct slab *s, u64 rooms)
{
	for (; rooms; rooms &= rooms - 1)
		note(r, s, ctz64(rooms));
}

/**
 * rooms_forget() - a slab has no run of a room
 * @r: the tree
 * @s: the slab
 * @room: which
 */
void rooms_forget(struct rooms *r, struct slab *s, unsigned int room)
{
	struct rooms_node *n = s->mix.leaf;
	unsigned int digit = s->mix.digit;

	while (n) {
		n->has[room] &= ~(1ULL << digit);
		if (n->has[room])
			return;
		digit = n->digit;
		n = n->parent;
	}
	r->some &= ~(1ULL << room);
}

/**
 * rooms_find() - the tightest run that may be there
 * @r: the tree
 * @least: smallest room that will do
 * @ret_room: the room that was found
 *
 * Return: the slab that may have one, or NULL.
 */
struct slab *rooms_find(const struct rooms *r, unsigned int least,
			unsigned int *ret_room)
{
	u64 some = r->some >> least << least;
	void *at = r->root;
	unsigned int room;

	if (!some)
		return NULL;
	room = ctz64(some);
	for (unsigned int l = 0; l < LEVELS; l++) {
		const struct rooms_node *n = at;

		at = n->child[ctz64(n->has[room])];
	}
	*ret_room = room;
	return at;
}

/* What is noted of a slab: one bit a room. */
u64 rooms_of(const struct slab *s)
{
	u64 rooms = 0;

	for (unsigned int i = 0; i < NR_ROOMS; i++)
		rooms |= (s->mix.leaf->has[i] >> s->mix.digit & 1) << i;
	return rooms;
}
