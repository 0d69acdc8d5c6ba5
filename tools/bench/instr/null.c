// SPDX-License-Identifier: MIT
/*
 * The allocator that does nothing: a shared library of its own, so that
 * calls pass through the PLT exactly as calls to a real allocator do. Its
 * bodies are two instructions for a call that returns a pointer and one
 * for a call that does not; instr.py adds those back.
 */
#include "null.h"

void *null_malloc(size_t len)
{
	(void)len;
	return NULL;
}

void *null_calloc(size_t nr, size_t len)
{
	(void)nr;
	(void)len;
	return NULL;
}

void *null_realloc(void *ptr, size_t len)
{
	(void)ptr;
	(void)len;
	return NULL;
}

void *null_aligned_alloc(size_t align, size_t len)
{
	(void)align;
	(void)len;
	return NULL;
}

void null_free(void *ptr)
{
	(void)ptr;
}

void *null_new(size_t len)
{
	(void)len;
	return NULL;
}

void null_delete_sized(void *ptr, size_t len)
{
	(void)ptr;
	(void)len;
}
