/* SPDX-License-Identifier: MIT */
/*
 * fakeheap.h - a huge-page heap on address space with no memory behind it, for
 * tests that look at what the heap decides.
 */
#ifndef SELFTESTS_LIB_UNIT_FAKEHEAP_H
#define SELFTESTS_LIB_UNIT_FAKEHEAP_H

#include "hpheap/hpheap.h"

/* Made by fake_heap(). */
extern struct hpheap *heap;

/* Nothing of the heap is in use or dirty; false, and told: there is none. */
bool fake_heap(void);

#endif
