/* SPDX-License-Identifier: MIT */
/*
 * Numbers that a program's input can't foresee, for hardened processes.  Keyed
 * by the kernel's random bits; not for cryptography.
 */
#ifndef ASHLAR_RT_RANDOM_H
#define ASHLAR_RT_RANDOM_H

#include "base/bits.h"

void random_seed(void);
u64 random_u64(void);

/* Any of 0 to @n - 1, each as likely as the next but for 2^-64 * @n. */
static inline u64 random_below(u64 n)
{
	return ((unsigned __int128)random_u64() * n) >> 64;
}

/* Each bit of the result depends on each of @x. */
static inline u64 random_mix(u64 x)
{
	x = (x ^ x >> 32) * 0x9e3779b97f4a7c15;
	x = (x ^ x >> 29) * 0xff51afd7ed558ccd;
	return x ^ x >> 32;
}

#endif
