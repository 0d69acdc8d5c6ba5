// SPDX-License-Identifier: MIT
/*
 * A main thread that ends by pthread_exit() stays as a zombie until the others
 * have ended.  /proc/self/stat is about that thread: "42 (NAME) Z 1 ...".
 */
#include "os/alone.h"

#include <string.h>

#include "os/sys.h"

enum { STATE = 3, NR_THREADS = 20 }; /* words, from 1 */

/* What stands behind the name, which may hold anything; NULL: no such text. */
static const char *after_name(const char *text)
{
	const char *last = NULL;

	while ((text = strchr(text, ')')))
		last = ++text;
	return last;
}

/**
 * os_is_alone() - is the caller the last thread, the main thread having ended?
 *
 * Return: false also where /proc does not say.
 */
bool os_is_alone(void)
{
	const char *at;
	char text[512];

	if (os_read_file("/proc/self/stat", text, sizeof(text)) < 0)
		return false;
	at = after_name(text);
	if (!at || strncmp(at, " Z ", 3))
		return false;
	for (int word = STATE; at && word < NR_THREADS; word++)
		at = strchr(at + 1, ' ');
	return at && !strncmp(at, " 2 ", 3);
}
