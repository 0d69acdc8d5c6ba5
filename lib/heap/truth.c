// SPDX-License-Identifier: MIT
/*
 * Parser of /proc/self/smaps for the mappings inside the reservation.  It works
 * in a fixed buffer: the file can be large, memory may be short.
 */
#include "heap/truth.h"

#include <fcntl.h>
#include <string.h>

#include "hpheap/space.h"
#include "os/sys.h"

enum { BUF_LEN = 8192 }; /* above the longest line */

static u64 parse_hex(const char **at)
{
	u64 v = 0;

	for (;; (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + c - 'a' + 10;
		else
			return v;
	}
}

/* "Key:   123 kB" to bytes, if @line starts with @key. */
static size_t kib_of(const char *line, const char *key)
{
	size_t v = 0;

	if (strncmp(line, key, strlen(key)))
		return 0;
	for (line += strlen(key); *line == ' '; line++)
		;
	for (; *line >= '0' && *line <= '9'; line++)
		v = v * 10 + *line - '0';
	return v << 10;
}

static bool is_header(const char *line)
{
	return (*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f');
}

static bool is_ours(const char *line)
{
	u64 start = parse_hex(&line);
	u64 base = (u64)(uintptr_t)space.base;

	return start >= base && start < base + space_reserved_bytes();
}

static void parse_line(const char *line, bool *in_heap, struct truth *t)
{
	if (is_header(line)) {
		*in_heap = is_ours(line);
		return;
	}
	if (!*in_heap)
		return;
	t->rss += kib_of(line, "Rss:");
	t->huge += kib_of(line, "AnonHugePages:");
	t->huge += kib_of(line, "FilePmdMapped:");
	t->rss += kib_of(line, "Private_Hugetlb:");
	t->huge += kib_of(line, "Private_Hugetlb:");
}

/**
 * truth_read() - ask the kernel
 * @ret_truth: receives the sums over all of the heap's mappings
 *
 * Return: 0 or -errno, for example where /proc is not mounted.
 */
int truth_read(struct truth *ret_truth)
{
	int fd = os_open("/proc/self/smaps", O_RDONLY);
	struct truth t = { .rss = 0 };
	char buf[BUF_LEN];
	size_t fill = 0;
	bool in_heap = false;
	long n;

	if (fd < 0)
		return fd;
	while ((n = os_read(fd, buf + fill, sizeof(buf) - 1 - fill)) > 0) {
		char *line = buf, *end;

		fill += n;
		buf[fill] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			parse_line(line, &in_heap, &t);
			line = end + 1;
		}
		fill = buf + fill - line;
		memmove(buf, line, fill);
	}
	os_close(fd);
	if (n < 0)
		return n;
	*ret_truth = t;
	return 0;
}
