/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps of 512 bits: the units of one huge page, or the objects of one slab.
 * Ranges are [first, first + nr).  What starts with bits_ works on bits of any
 * number in an array of words.
 */
#ifndef ASHLAR_BASE_BITMAP_H
#define ASHLAR_BASE_BITMAP_H

#include "base/bits.h"

enum { BITMAP_BITS = 512, BITMAP_WORDS = BITMAP_BITS / 64 };

struct bitmap {
	u64 w[BITMAP_WORDS];
};

static inline bool bitmap_test(const struct bitmap *b, unsigned int i)
{
	return b->w[i / 64] >> (i % 64) & 1;
}

static inline void bitmap_set(struct bitmap *b, unsigned int i)
{
	b->w[i / 64] |= 1ULL << (i % 64);
}

static inline void bitmap_clear(struct bitmap *b, unsigned int i)
{
	b->w[i / 64] &= ~(1ULL << (i % 64));
}

void bits_fill(u64 *w, unsigned int first, unsigned int nr);
void bits_wipe(u64 *w, unsigned int first, unsigned int nr);
unsigned int bits_run_start(const u64 *w, unsigned int end, u64 flip);

/**
 * bits_next() - the first bit at or behind @from that has a value
 * @w: the words
 * @nr: bits in them, a multiple of 64
 * @from: where to start
 * @flip: 0 to look for a set bit, all ones for a clear one
 *
 * Return: its index, or @nr if there is none.
 */
static inline unsigned int bits_next(const u64 *w, unsigned int nr,
				     unsigned int from, u64 flip)
{
	while (from < nr) {
		u64 word = (w[from / 64] ^ flip) >> (from % 64);

		if (word)
			return from + ctz64(word);
		from = (from / 64 + 1) * 64;
	}
	return nr;
}

void bitmap_set_range(struct bitmap *b, unsigned int first, unsigned int nr);
unsigned int bitmap_fill(struct bitmap *b, unsigned int first, unsigned int nr);
void bitmap_clear_range(struct bitmap *b, unsigned int first, unsigned int nr);
unsigned int bitmap_count_range(const struct bitmap *b, unsigned int first,
				unsigned int nr);
unsigned int bitmap_next_set(const struct bitmap *b, unsigned int from);
unsigned int bitmap_next_clear(const struct bitmap *b, unsigned int from);
unsigned int bitmap_find_clear(const struct bitmap *b, unsigned int nr,
			       unsigned int align);
unsigned int bitmap_longest_clear(const struct bitmap *b);
unsigned int bitmap_clear_run(const struct bitmap *b, unsigned int first,
			      unsigned int nr);

#endif
