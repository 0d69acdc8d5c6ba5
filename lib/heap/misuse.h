/* SPDX-License-Identifier: MIT */
/*
 * What happens when the program hands in a pointer that can't be freed.
 */
#ifndef ASHLAR_HEAP_MISUSE_H
#define ASHLAR_HEAP_MISUSE_H

enum misuse {
	MISUSE_INVALID, /* never handed out, or not the start of a block */
	MISUSE_DOUBLE,	/* free already */
	MISUSE_SIZE,	/* deleted with a size that it has not */
	MISUSE_OVERFLOW, /* what stands behind it was written over */
	MISUSE_STALE,	/* written to after it was freed */
};

void misuse_die(enum misuse what, const void *p) __attribute__((noreturn));

#endif
