/* SPDX-License-Identifier: MIT */
/*
 * Access to a thread-local structure on the fast paths.  Where the CPU can
 * address it by an offset from the thread pointer, a word of it is set or
 * changed by one instruction; elsewhere this is plain C.
 */
#ifndef ASHLAR_BASE_TLS_H
#define ASHLAR_BASE_TLS_H

#include "arch.h"

#ifndef TLS_SEGMENT

#define TLS_SEGMENT
#define tls_here(type, name) (&(name))

static inline void tls_set(void ***at, void **to)
{
	*at = to;
}

static inline void tls_advance(void ***at, long nr)
{
	*at += nr;
}

#endif

#endif
