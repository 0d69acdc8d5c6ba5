// SPDX-License-Identifier: MIT
/*
 * A library opened with RTLD_DEEPBIND would take malloc from libc: what it frees
 * of the program's, or the program of its, would end the process.  PHP opens its
 * extensions so.  So the flag is dropped, and the library has malloc from where
 * all others have it; other names that it shares with the program are the
 * program's then.
 *
 * In the shared library only: whoever is linked with libashlar.a has dlopen()
 * from libc.
 */
#include <dlfcn.h>

#include "api/api.h"

API void *dlopen(const char *file, int mode)
{
	void *(*next)(const char *, int) =
		(void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");

	if (unlikely(!next))
		return NULL;
	/*
	 * A jump, not a call, which lib.mk sees to: libc knows by the return
	 * address who asks, and searches where that one's RUNPATH says.
	 */
	return next(file, mode & ~RTLD_DEEPBIND);
}
