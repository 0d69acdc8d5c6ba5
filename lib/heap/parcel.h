/* SPDX-License-Identifier: MIT */
/*
 * Parcels: arrays in which foreign objects travel to their owner's inbox, and
 * which go back empty.
 */
#ifndef ASHLAR_HEAP_PARCEL_H
#define ASHLAR_HEAP_PARCEL_H

#include "cache/tcache.h"

struct theap;

struct parcel *parcel_get(struct tcache *t);
void parcel_put_all(struct tcache *t);
u32 parcel_send(struct theap *h, struct parcel *p);
void parcel_fetch_empties(struct tcache *t, struct theap *h);
struct parcel *parcel_take_inbox(struct theap *h);
void parcel_give_back(struct theap *h, struct parcel *all);

#endif
