// SPDX-License-Identifier: MIT
/*
 * The seal: 48 bits that follow from address, slack and two secrets, and 16
 * that are the slack, masked.  The slack is the slot less the block, 8 at least;
 * 0 is the seal of a freed block.  So whatever byte of it is changed, and by an
 * overflow it is the lower ones first, it fits no more, but for one chance in
 * 2^48.  It is no cryptographic code: who can read seals and has time can forge
 * them.
 */
#include "heap/canary.h"

#include <string.h>

#include "rt/random.h"

enum { SLACK_SHIFT = 48 };

static u64 secret[2];

/* Once for the process and its children, whose blocks are sealed already. */
void canary_init(void)
{
	secret[0] = random_u64();
	secret[1] = random_u64();
}

static u64 key_of(const void *p)
{
	return random_mix((uintptr_t)p ^ secret[0]);
}

static u64 seal_of(const void *p, size_t slack)
{
	u64 key = key_of(p);
	u64 code = random_mix(key + slack * secret[1]) ^ secret[1];

	return (u64)(u16)(slack ^ key) << SLACK_SHIFT |
	       code >> (64 - SLACK_SHIFT);
}

static size_t slack_of(const void *p, u64 seal)
{
	return (u16)(seal >> SLACK_SHIFT ^ key_of(p));
}

/* Two threads may free the same block at once. */
static _Atomic u64 *seal_at(const void *p, size_t slot)
{
	return (_Atomic u64 *)((char *)p + slot - SEAL_BYTES);
}

/* A 0 would be what strings end with, and so the most likely overflow. */
static u8 pad_of(const void *p)
{
	return key_of(p) >> 16 | 1;
}

/**
 * canary_pad() - fill what is behind a block
 * @p: the block
 * @from: offset of the first byte
 * @end: offset behind the last
 */
void canary_pad(void *p, size_t from, size_t end)
{
	memset((char *)p + from, pad_of(p), end - from);
}

/* Is it as canary_pad() left it? */
bool canary_pad_holds(const void *p, size_t from, size_t end)
{
	const u8 *at = p, pad = pad_of(p);

	while (from < end && at[from] == pad)
		from++;
	return from >= end;
}

/**
 * canary_arm() - pad and seal a block that is handed out, or has a new size
 * @p: the block
 * @slot: bytes of its slot, a multiple of 16
 * @size: bytes of the program's, at most @slot - SEAL_BYTES
 */
void canary_arm(void *p, size_t slot, size_t size)
{
	canary_pad(p, size, slot - SEAL_BYTES);
	atomic_store_explicit(seal_at(p, slot), seal_of(p, slot - size),
			      memory_order_relaxed);
}

static enum canary read_seal(const void *p, size_t slot, u64 seal,
			     size_t *ret_size)
{
	size_t slack = slack_of(p, seal);

	if (seal != seal_of(p, slack))
		return CANARY_BROKEN;
	if (!slack)
		return CANARY_FREED;
	if (slack < SEAL_BYTES || slack > slot ||
	    !canary_pad_holds(p, slot - slack, slot - SEAL_BYTES))
		return CANARY_BROKEN;
	*ret_size = slot - slack;
	return CANARY_LIVE;
}

/**
 * canary_read() - what the seal and the padding say
 * @p: the block
 * @slot: bytes of its slot
 * @ret_size: bytes of the program's, if it is live
 *
 * Return: what it is.
 */
enum canary canary_read(const void *p, size_t slot, size_t *ret_size)
{
	u64 seal = atomic_load_explicit(seal_at(p, slot), memory_order_relaxed);

	return read_seal(p, slot, seal, ret_size);
}

/**
 * canary_retire() - a block is freed: check it, and seal it as such
 * @p: the block
 * @slot: bytes of its slot
 *
 * Of two threads that free it at once one is told.
 *
 * Return: what it was; only a live one has changed.
 */
enum canary canary_retire(void *p, size_t slot)
{
	_Atomic u64 *at = seal_at(p, slot);
	u64 seal = atomic_load_explicit(at, memory_order_relaxed);
	enum canary was;
	size_t size;

	do {
		was = read_seal(p, slot, seal, &size);
	} while (was == CANARY_LIVE && !atomic_compare_exchange_weak(
					       at, &seal, seal_of(p, 0)));
	return was;
}
