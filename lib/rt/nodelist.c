// SPDX-License-Identifier: MIT
/*
 * "local", "interleave", or "bind=0-3+6": a comma would end the option.
 */
#include "rt/nodelist.h"

#include <string.h>

#include "rt/print.h"

static bool is_word(const char *v, size_t len, const char *word)
{
	return len == strlen(word) && !memcmp(v, word, len);
}

/* A number below NODELIST_NODES; false if there is none. */
static bool parse_node(const char **at, const char *end, unsigned int *ret)
{
	const char *start = *at;
	unsigned int n = 0;

	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
		n = n * 10 + **at - '0';
		if (n >= NODELIST_NODES)
			return false;
	}
	*ret = n;
	return *at != start;
}

static bool parse_list(const char *at, const char *end, u64 *ret_mask)
{
	unsigned int first, last;

	for (*ret_mask = 0;; at++) {
		if (!parse_node(&at, end, &first))
			return false;
		last = first;
		if (at < end && *at == '-') {
			at++;
			if (!parse_node(&at, end, &last) || last < first)
				return false;
		}
		*ret_mask |= (2ULL << last) - (1ULL << first);
		if (at == end)
			return true;
		if (*at != '+')
			return false;
	}
}

/**
 * nodelist_parse() - read the option's value
 * @v: text, not ended by a NUL
 * @len: its length
 * @ret_value: NUMA_LOCAL, NUMA_INTERLEAVE, or a mask of nodes
 *
 * Return: false if it is none of these.
 */
bool nodelist_parse(const char *v, size_t len, long *ret_value)
{
	u64 mask;

	if (is_word(v, len, "local")) {
		*ret_value = NUMA_LOCAL;
		return true;
	}
	if (is_word(v, len, "interleave")) {
		*ret_value = NUMA_INTERLEAVE;
		return true;
	}
	if (len < 5 || memcmp(v, "bind=", 5) ||
	    !parse_list(v + 5, v + len, &mask))
		return false;
	*ret_value = mask;
	return true;
}

static void print_list(struct print *p, u64 mask)
{
	const char *sep = "";

	while (mask) {
		unsigned int first = ctz64(mask);
		unsigned int nr = ctz64(~(mask >> first));

		print_str(p, sep);
		print_u64(p, first);
		if (nr > 1) {
			print_str(p, "-");
			print_u64(p, first + nr - 1);
		}
		mask &= ~(((1ULL << nr) - 1) << first);
		sep = "+";
	}
}

/**
 * nodelist_print() - write the option's value as it is read
 * @p: where to
 * @value: see nodelist_parse()
 */
void nodelist_print(struct print *p, long value)
{
	if (value > 0) {
		print_str(p, "bind=");
		print_list(p, value);
	} else {
		print_str(p, value ? "interleave" : "local");
	}
}
