/* SPDX-License-Identifier: MIT */
/*
 * Circular doubly linked list with an embedded node.  An unlinked node points
 * to itself, so list_del() may be called twice.
 */
#ifndef ASHLAR_BASE_LIST_H
#define ASHLAR_BASE_LIST_H

#include "base/bits.h"

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* Put @n right behind @at: at the front when @at is the head. */
static inline void list_add(struct list *n, struct list *at)
{
	n->next = at->next;
	n->prev = at;
	at->next->prev = n;
	at->next = n;
}

static inline void list_add_tail(struct list *n, struct list *head)
{
	list_add(n, head->prev);
}

static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/*
 * List with a head of one word, for large tables of lists that are mostly
 * empty: zero is empty.
 */
struct hlist {
	struct hlist *next;
	struct hlist **at; /* the word that points here */
};

static inline void hlist_add(struct hlist *n, struct hlist **head)
{
	n->next = *head;
	n->at = head;
	if (n->next)
		n->next->at = &n->next;
	*head = n;
}

static inline void hlist_del(struct hlist *n)
{
	*n->at = n->next;
	if (n->next)
		n->next->at = n->at;
}

#endif
