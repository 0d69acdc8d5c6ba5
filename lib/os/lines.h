/* SPDX-License-Identifier: MIT */
/*
 * Reading text files of the kernel's without memory.
 */
#ifndef ASHLAR_OS_LINES_H
#define ASHLAR_OS_LINES_H

int os_each_line(const char *path, void (*fn)(const char *line, void *arg),
		 void *arg);

#endif
