// SPDX-License-Identifier: MIT
/*
 * canary.c - seals and padding by themselves: each size of each slot is told
 * again, each byte that is changed is noticed, a seal fits one address and one
 * secret, and of two that free a block one is told.
 */
#include "ktap.h"

#include "heap/canary.h"
#include "rt/random.h"
#include "slab/sizeclass.h"

static _Alignas(16) char memory[2 * SMALL_MAX];

static void sizes_are_told(void)
{
	for (unsigned int c = 0; c < NR_CLASSES; c++) {
		size_t slot = size_classes[c].size, got = 0;

		for (size_t size = 0; size <= slot - SEAL_BYTES;
		     size += 1 + size / 64) {
			canary_arm(memory, slot, size);
			EXPECT_EQ(CANARY_LIVE, canary_read(memory, slot, &got));
			EXPECT_EQ(size, got);
			memset(memory, 0, size); /* the program's own */
			EXPECT_EQ(CANARY_LIVE, canary_read(memory, slot, &got));
		}
	}
}

static void changes_are_noticed(void)
{
	static const size_t slots[] = {16, 32, 112, 4096};
	size_t got, size, at;

	for (unsigned int i = 0; i < ARRAY_SIZE(slots); i++)
		for (size = slots[i] / 2; size <= slots[i] - SEAL_BYTES;
		     size += 1 + size / 256)
			for (at = size; at < slots[i];
			     at += at < slots[i] - 20 ? 1 + at / 256 : 1) {
				canary_arm(memory, slots[i], size);
				memory[at] ^= 1 << at % 8;
				EXPECT(canary_read(memory, slots[i], &got) ==
					       CANARY_BROKEN,
				       "byte %zu of %zu, %zu", at, slots[i],
				       size);
				EXPECT_EQ(CANARY_BROKEN,
					  canary_retire(memory, slots[i]));
			}
}

/* What strings end with. */
static void padding_is_never_zero(void)
{
	for (size_t at = 0; at < 4096; at += 16) {
		canary_pad(memory + at, 0, 1);
		EXPECT(memory[at], "0 at %zu", at);
		EXPECT(canary_pad_holds(memory + at, 0, 1), "at %zu", at);
		EXPECT(canary_pad_holds(memory + at, 7, 7), "at %zu", at);
	}
}

static void fits_one_address(void)
{
	size_t got;

	canary_arm(memory, 64, 50);
	memcpy(memory + 64, memory, 64);
	EXPECT_EQ(CANARY_BROKEN, canary_read(memory + 64, 64, &got));
	canary_init();
	EXPECT_EQ(CANARY_BROKEN, canary_read(memory, 64, &got));
}

static void freed_once(void)
{
	size_t got;

	canary_arm(memory, 128, 100);
	EXPECT_EQ(CANARY_LIVE, canary_retire(memory, 128));
	EXPECT_EQ(CANARY_FREED, canary_read(memory, 128, &got));
	EXPECT_EQ(CANARY_FREED, canary_retire(memory, 128));
	memset(memory, 0, 128); /* never handed out */
	EXPECT_EQ(CANARY_BROKEN, canary_retire(memory, 128));
	canary_arm(memory, 128, 100);
	EXPECT_EQ(CANARY_LIVE, canary_read(memory, 128, &got));
}

static const struct ktap_test tests[] = {
	{"sizes_are_told", sizes_are_told},
	{"changes_are_noticed", changes_are_noticed},
	{"padding_is_never_zero", padding_is_never_zero},
	{"fits_one_address", fits_one_address},
	{"freed_once", freed_once},
	{},
};

int main(int argc, char **argv)
{
	random_seed();
	canary_init();
	return ktap_main(tests, argc, argv);
}
