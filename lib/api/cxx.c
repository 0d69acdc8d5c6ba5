// SPDX-License-Identifier: MIT
/*
 * The C++ allocation operators, under their mangled names (Itanium C++ ABI), so
 * that the library needs no C++ runtime.  Failure calls the new handler and
 * throws through libstdc++ when the program has it; a program without it can't
 * have caught anything, and is ended.
 */
#include "api/api.h"
#include "api/fast.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "rt/print.h"

typedef void (*new_handler)(void);

extern new_handler std_get_new_handler(void) asm("_ZSt15get_new_handlerv")
	__attribute__((weak));
extern void std_throw_bad_alloc(void) asm("_ZSt17__throw_bad_allocv")
	__attribute__((weak, noreturn));

static cold void give_up(size_t size)
{
	char digits[32];
	struct print p;

	if (std_throw_bad_alloc)
		std_throw_bad_alloc();
	print_to_buf(&p, digits, sizeof(digits));
	print_u64(&p, size);
	print_error_parts("operator new: out of memory for ", digits,
			  " bytes, and no C++ runtime to throw bad_alloc");
	abort();
}

static cold void *retry(size_t size, size_t align)
{
	void *p = NULL;

	while (!p) {
		new_handler handler =
			std_get_new_handler ? std_get_new_handler() : NULL;

		if (!handler)
			return NULL;
		handler();
		p = alloc_aligned(align, size);
	}
	return p;
}

/* Weak, so that a static program does not get the dynamic linker for it. */
extern __typeof__(dlsym) dlsym __attribute__((weak));

/*
 * The handler may throw, and nothrow forms promise NULL then.  Catching takes
 * C++: libstdc++'s own form calls our throwing one and catches.
 */
static cold void *retry_nothrow(size_t size)
{
	void *(*form)(size_t size, const void *nothrow) = NULL;

	if (!std_get_new_handler || !std_get_new_handler())
		return NULL;
	if (dlsym)
		form = (void *(*)(size_t, const void *))dlsym(
			RTLD_NEXT, "_ZnwmRKSt9nothrow_t");
	return form ? form(size, NULL) : retry(size, 1);
}

static cold void *retry_aligned_nothrow(size_t size, size_t align)
{
	void *(*form)(size_t size, size_t align, const void *nothrow) = NULL;

	if (!std_get_new_handler || !std_get_new_handler())
		return NULL;
	if (dlsym)
		form = (void *(*)(size_t, size_t, const void *))dlsym(
			RTLD_NEXT, "_ZnwmSt11align_val_tRKSt9nothrow_t");
	return form ? form(size, align, NULL) : retry(size, align);
}

static cold void *retry_or_throw(size_t size, size_t align)
{
	void *p = retry(size, align);

	if (!p)
		give_up(size);
	return p;
}

#define NEW(name, ...) \
	void *name(size_t size, ##__VA_ARGS__); \
	API void *name(size_t size, ##__VA_ARGS__)
#define DELETE(name, ...) \
	void name(void *p, ##__VA_ARGS__); \
	API void name(void *p, ##__VA_ARGS__)

static noinline void *new_rare(size_t size)
{
	void *p = alloc(size);

	return likely(p) ? p : retry_or_throw(size, 1);
}

static inline void *new_throwing(size_t size)
{
	void *p = alloc_at_once(size - 1, FINE_MAX, 1);

	return likely(p) ? p : new_rare(size);
}

static noinline void *new_nothrow_rare(size_t size)
{
	void *p = alloc(size);

	return likely(p) ? p : retry_nothrow(size);
}

static inline void *new_nothrow(size_t size)
{
	void *p = alloc_at_once(size - 1, FINE_MAX, 1);

	return likely(p) ? p : new_nothrow_rare(size);
}

static noinline void *new_aligned_rare(size_t size, size_t align)
{
	void *p = alloc_aligned_rare(align, size);

	return likely(p) ? p : retry_or_throw(size, align);
}

static inline void *new_aligned(size_t size, size_t align)
{
	void *p = alloc_aligned_at_once(align, size);

	return likely(p) ? p : new_aligned_rare(size, align);
}

static inline void *new_aligned_nothrow(size_t size, size_t align)
{
	void *p = alloc_aligned(align, size);

	return likely(p) ? p : retry_aligned_nothrow(size, align);
}

/* operator new(size), new[](size) */
NEW(_Znwm)
{
	return new_throwing(size);
}

NEW(_Znam)
{
	return new_throwing(size);
}

/* (size, nothrow) */
NEW(_ZnwmRKSt9nothrow_t, const void *nothrow)
{
	(void)nothrow;
	return new_nothrow(size);
}

NEW(_ZnamRKSt9nothrow_t, const void *nothrow)
{
	(void)nothrow;
	return new_nothrow(size);
}

/* (size, align_val_t) */
NEW(_ZnwmSt11align_val_t, size_t align)
{
	return new_aligned(size, align);
}

NEW(_ZnamSt11align_val_t, size_t align)
{
	return new_aligned(size, align);
}

/* (size, align_val_t, nothrow) */
NEW(_ZnwmSt11align_val_tRKSt9nothrow_t, size_t align, const void *nothrow)
{
	(void)nothrow;
	return new_aligned_nothrow(size, align);
}

NEW(_ZnamSt11align_val_tRKSt9nothrow_t, size_t align, const void *nothrow)
{
	(void)nothrow;
	return new_aligned_nothrow(size, align);
}

/* operator delete(p), delete[](p) */
DELETE(_ZdlPv)
{
	free_block(p);
}

DELETE(_ZdaPv)
{
	free_block(p);
}

/* (p, nothrow) */
DELETE(_ZdlPvRKSt9nothrow_t, const void *nothrow)
{
	(void)nothrow;
	free_block(p);
}

DELETE(_ZdaPvRKSt9nothrow_t, const void *nothrow)
{
	(void)nothrow;
	free_block(p);
}

/* (p, size) */
DELETE(_ZdlPvm, size_t size)
{
	free_of_size(p, size - 1, size);
}

DELETE(_ZdaPvm, size_t size)
{
	free_of_size(p, size - 1, size);
}

/* (p, align_val_t) */
DELETE(_ZdlPvSt11align_val_t, size_t align)
{
	(void)align;
	free_block(p);
}

DELETE(_ZdaPvSt11align_val_t, size_t align)
{
	(void)align;
	free_block(p);
}

/* (p, align_val_t, nothrow) */
DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, size_t align, const void *nothrow)
{
	(void)align;
	(void)nothrow;
	free_block(p);
}

DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, size_t align, const void *nothrow)
{
	(void)align;
	(void)nothrow;
	free_block(p);
}

/*
 * As alloc_aligned() had it, where it went the short ways; elsewhere the class
 * does not follow from the size alone, and the size says nothing.
 */
static inline size_t last_of_aligned(size_t size, size_t align)
{
	size_t last = (size - 1) | (align - 1);

	return last < FINE_MAX || align <= 64 ? last : last | SMALL_MAX;
}

/* (p, size, align_val_t) */
DELETE(_ZdlPvmSt11align_val_t, size_t size, size_t align)
{
	free_of_size(p, last_of_aligned(size, align), size);
}

DELETE(_ZdaPvmSt11align_val_t, size_t size, size_t align)
{
	free_of_size(p, last_of_aligned(size, align), size);
}
