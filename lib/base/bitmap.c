// SPDX-License-Identifier: MIT
/*
 * Range operations and searches on 512-bit bitmaps.  Everything works a word
 * at a time; a search visits each run of equal bits once.
 */
#include "base/bitmap.h"

/* The bits [lo, hi) of one word; 0 <= lo < hi <= 64. */
static u64 word_mask(unsigned int lo, unsigned int hi)
{
	return (~0ULL << lo) & (~0ULL >> (64 - hi));
}

/**
 * bits_fill() - set @nr bits from @first on
 * @w: the words
 * @first: first bit
 * @nr: how many
 */
void bits_fill(u64 *w, unsigned int first, unsigned int nr)
{
	unsigned int end = first + nr;

	while (first < end) {
		unsigned int lo = first % 64;
		unsigned int hi = min_size(64, lo + end - first);

		w[first / 64] |= word_mask(lo, hi);
		first += hi - lo;
	}
}

/**
 * bits_wipe() - clear @nr bits from @first on
 * @w: the words
 * @first: first bit
 * @nr: how many
 */
void bits_wipe(u64 *w, unsigned int first, unsigned int nr)
{
	unsigned int end = first + nr;

	while (first < end) {
		unsigned int lo = first % 64;
		unsigned int hi = min_size(64, lo + end - first);

		w[first / 64] &= ~word_mask(lo, hi);
		first += hi - lo;
	}
}

/* Set bits; first + nr <= BITMAP_BITS. */
void bitmap_set_range(struct bitmap *b, unsigned int first, unsigned int nr)
{
	bits_fill(b->w, first, nr);
}

/**
 * bitmap_fill() - set bits, and count
 * @b: the bitmap
 * @first: first bit
 * @nr: how many; first + nr <= BITMAP_BITS
 *
 * Return: how many of them were set before.
 */
unsigned int bitmap_fill(struct bitmap *b, unsigned int first, unsigned int nr)
{
	unsigned int end = first + nr, count = 0;

	while (first < end) {
		unsigned int lo = first % 64;
		unsigned int hi = min_size(64, lo + end - first);
		u64 mask = word_mask(lo, hi), was = b->w[first / 64] & mask;

		count += was == mask ? hi - lo : popcount64(was);
		b->w[first / 64] |= mask;
		first += hi - lo;
	}
	return count;
}

/* Clear bits; first + nr <= BITMAP_BITS. */
void bitmap_clear_range(struct bitmap *b, unsigned int first, unsigned int nr)
{
	bits_wipe(b->w, first, nr);
}

/**
 * bitmap_count_range() - how many of @nr bits from @first on are set
 * @b: the bitmap
 * @first: first bit
 * @nr: how many; first + nr <= BITMAP_BITS
 *
 * Return: the number of set bits.
 */
unsigned int bitmap_count_range(const struct bitmap *b, unsigned int first,
				unsigned int nr)
{
	unsigned int end = first + nr, count = 0;

	while (first < end) {
		unsigned int lo = first % 64;
		unsigned int hi = min_size(64, lo + end - first);

		count += popcount64(b->w[first / 64] & word_mask(lo, hi));
		first += hi - lo;
	}
	return count;
}

/**
 * bits_run_start() - where the bits of one value begin that end before @end
 * @w: the words
 * @end: the bit behind the last of them
 * @flip: 0 for a run of set bits, all ones for one of clear bits
 *
 * Return: index of the first; @end if the bit before it has the other value.
 */
unsigned int bits_run_start(const u64 *w, unsigned int end, u64 flip)
{
	while (end) {
		unsigned int i = (end - 1) / 64, hi = (end - 1) % 64 + 1;
		u64 other = ~(w[i] ^ flip) << (64 - hi);

		if (other)
			return i * 64 + hi - (63 - log2_floor(other));
		end = i * 64;
	}
	return 0;
}

/**
 * bitmap_next_set() - the first set bit at or behind @from
 * @b: the bitmap
 * @from: where to start
 *
 * Return: its index, or BITMAP_BITS if there is none.
 */
unsigned int bitmap_next_set(const struct bitmap *b, unsigned int from)
{
	return bits_next(b->w, BITMAP_BITS, from, 0);
}

/**
 * bitmap_next_clear() - the first clear bit at or behind @from
 * @b: the bitmap
 * @from: where to start
 *
 * Return: its index, or BITMAP_BITS if there is none.
 */
unsigned int bitmap_next_clear(const struct bitmap *b, unsigned int from)
{
	return bits_next(b->w, BITMAP_BITS, from, ~0ULL);
}

/**
 * bitmap_find_clear() - the first run of @nr clear bits
 * @b: the bitmap
 * @nr: length of the run
 * @align: the run starts at a multiple of this power of two
 *
 * Return: index of its first bit, or BITMAP_BITS if there is none.
 */
unsigned int bitmap_find_clear(const struct bitmap *b, unsigned int nr,
			       unsigned int align)
{
	unsigned int at = 0;

	while (at < BITMAP_BITS) {
		unsigned int start = bitmap_next_clear(b, at);
		unsigned int end = bitmap_next_set(b, start);
		unsigned int first = align_up(start, align);

		if (first + nr <= end)
			return first;
		at = end;
	}
	return BITMAP_BITS;
}

/**
 * bitmap_longest_clear() - length of the longest run of clear bits
 * @b: the bitmap
 *
 * Return: the length in bits, 0 if all are set.
 */
unsigned int bitmap_longest_clear(const struct bitmap *b)
{
	unsigned int at = 0, longest = 0;

	while (at < BITMAP_BITS) {
		unsigned int start = bitmap_next_clear(b, at);
		unsigned int end = bitmap_next_set(b, start);

		longest = max_size(longest, end - start);
		at = end;
	}
	return longest;
}

/**
 * bitmap_clear_run() - length of the run of clear bits that a range is part of
 * @b: the bitmap
 * @first: first bit of the range; itself and all others are taken as clear
 * @nr: how many
 *
 * Return: the length in bits, @nr at least.
 */
unsigned int bitmap_clear_run(const struct bitmap *b, unsigned int first,
			      unsigned int nr)
{
	return bitmap_next_set(b, first + nr) -
	       bits_run_start(b->w, first, ~0ULL);
}
