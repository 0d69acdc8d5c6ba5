// SPDX-License-Identifier: MIT
/*
 * The end of a program that corrupts its heap: one line that names the fault
 * and the pointer, and SIGABRT.  Going on would turn a bug into damage.
 */
#include "heap/misuse.h"

#include <stdlib.h>

#include "rt/print.h"

static const char *const text[] = {
	[MISUSE_INVALID] = "invalid free: not the start of a live block: ",
	[MISUSE_DOUBLE] = "double free: the block is free already: ",
	[MISUSE_SIZE] = "sized delete: the block has another size: ",
	[MISUSE_OVERFLOW] = "overflow: written to behind the end of the block: ",
	[MISUSE_STALE] = "write after free: the block was changed since: ",
};

void misuse_die(enum misuse what, const void *p)
{
	char digits[32];
	struct print pr;

	print_to_buf(&pr, digits, sizeof(digits));
	print_hex(&pr, (uintptr_t)p);
	print_error_parts(text[what], digits);
	abort();
}
