// SPDX-License-Identifier: MIT
/*
 * A counter, mixed with two secret words: no lock, and a number drawn tells
 * nothing of the next without them.
 */
#include "rt/random.h"

#include <string.h>
#include <sys/auxv.h>

#include "os/sys.h"

static struct {
	u64 key[2]; /* Set while there is one thread. */
	_Atomic u64 count;
} state;

/* The kernel's word to each program, which it has at its start already. */
static void seed_by_exec(u64 key[2])
{
	const void *at = (const void *)getauxval(AT_RANDOM);

	if (at)
		memcpy(key, at, 2 * sizeof(*key));
}

/**
 * random_seed() - start anew: at the start, and in the child of a fork
 *
 * Where the kernel has no random bits yet, early at boot, those it started the
 * program with, the time and the process must do.  What was there before counts
 * too.
 */
void random_seed(void)
{
	u64 key[2] = { 0, 0 };

	if (os_random(key, sizeof(key)) != sizeof(key))
		seed_by_exec(key);
	state.key[0] = random_mix(state.key[0] ^ key[0] ^ os_now_ns());
	state.key[1] = random_mix(state.key[1] ^ key[1] ^ os_getpid());
}

/* Any number. */
u64 random_u64(void)
{
	u64 n = atomic_fetch_add_explicit(&state.count, 1,
					  memory_order_relaxed);

	return random_mix(random_mix(n ^ state.key[0]) ^ state.key[1]);
}
