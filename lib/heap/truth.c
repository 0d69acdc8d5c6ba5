// SPDX-License-Identifier: MIT
/*
 * Parser of /proc/self/smaps for the mappings inside the reservation.
 */
#include "heap/truth.h"

#include <string.h>

#include "hpheap/space.h"
#include "os/lines.h"
#include "os/sys.h"

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
	if (strncmp(line, key, strlen(key)))
		return 0;
	return os_number(line + strlen(key)) << 10;
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

struct parse {
	bool is_in_heap;
	struct truth t;
};

static void parse_line(const char *line, void *arg)
{
	struct parse *p = arg;

	if (is_header(line)) {
		p->is_in_heap = is_ours(line);
		return;
	}
	if (!p->is_in_heap)
		return;
	p->t.rss += kib_of(line, "Rss:");
	p->t.huge += kib_of(line, "AnonHugePages:");
	p->t.huge += kib_of(line, "FilePmdMapped:");
	p->t.rss += kib_of(line, "Private_Hugetlb:");
	p->t.huge += kib_of(line, "Private_Hugetlb:");
}

/**
 * truth_read() - ask the kernel
 * @ret_truth: receives the sums over all of the heap's mappings
 *
 * Return: 0 or -errno, for example where /proc is not mounted.
 */
int truth_read(struct truth *ret_truth)
{
	struct parse p = { .is_in_heap = false };
	int err = os_each_line("/proc/self/smaps", parse_line, &p);

	if (!err)
		*ret_truth = p.t;
	return err;
}
