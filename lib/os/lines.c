// SPDX-License-Identifier: MIT
/*
 * A text file line by line, in a fixed buffer: files of /proc can be large, and
 * memory may be short.
 */
#include "os/lines.h"

#include <fcntl.h>
#include <string.h>

#include "os/sys.h"

/* Above the longest line of interest; a longer one is seen in pieces. */
enum { BUF_LEN = 8192 };

/**
 * os_each_line() - read a text file
 * @path: file
 * @fn: called for each line, without its line break, in order
 * @arg: handed to @fn
 *
 * Return: 0 or -errno.
 */
int os_each_line(const char *path, void (*fn)(const char *line, void *arg),
		 void *arg)
{
	int fd = os_open(path, O_RDONLY);
	char buf[BUF_LEN];
	size_t fill = 0;
	long n;

	if (fd < 0)
		return fd;
	while ((n = os_read(fd, buf + fill, sizeof(buf) - 1 - fill)) > 0) {
		char *line = buf, *end;

		fill += n;
		buf[fill] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			fn(line, arg);
			line = end + 1;
		}
		fill = buf + fill - line;
		if (fill == sizeof(buf) - 1) {
			fn(line, arg);
			fill = 0;
		}
		memmove(buf, line, fill);
	}
	buf[fill] = '\0';
	if (fill && !n)
		fn(buf, arg);
	os_close(fd);
	return n;
}
