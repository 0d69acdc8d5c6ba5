/* SPDX-License-Identifier: MIT */
/*
 * When slabs of a thread heap become mixed, and which of them serves what.  See
 * slab/mixed.h for what a mixed slab is.  All is called with the heap's lock.
 */
#ifndef ASHLAR_HEAP_MIXING_H
#define ASHLAR_HEAP_MIXING_H

#include "heap/theap.h"

unsigned int mixing_refill(struct theap *h, unsigned int c, void **objs,
			   unsigned int nr);
size_t mixing_put(struct theap *h, struct slab *s, void *obj);
void mixing_place(struct theap *h, struct slab *s);
void mixing_unplace(struct theap *h, struct slab *s);
void mixing_check(struct theap *h);

#endif
