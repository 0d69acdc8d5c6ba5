/* SPDX-License-Identifier: MIT */
/*
 * When slabs of a thread heap become mixed, and which of them serves what.  See
 * slab/mixed.h for what a mixed slab is.  Where nothing else is said, the caller
 * holds the heap's lock.
 */
#ifndef ASHLAR_HEAP_MIXING_H
#define ASHLAR_HEAP_MIXING_H

#include "heap/theap.h"

void mixing_freed(struct theap *h, size_t len);
bool mixing_is_due(const struct theap *h);
unsigned int mixing_refill(struct theap *h, unsigned int c, void **objs,
			   unsigned int nr);
size_t mixing_put(struct theap *h, struct slab *s, void *obj);
void mixing_place(struct theap *h, struct slab *s);
void mixing_unplace(struct slab *s);
bool mixing_is_calm(const struct theap *h);
void mixing_free(struct theap *h, void *obj);
void mixing_flush(struct theap *h);
void mixing_align(struct theap *h, unsigned int c);
void mixing_check(struct theap *h);

#endif
