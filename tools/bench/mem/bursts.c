// SPDX-License-Identifier: MIT
/*
 * Bursts of work: bursts MIB. Each allocates buffers of some KiB for half of MIB
 * MiB and frees them all, and between them nodes that are kept: MIB MiB after
 * the last one. Nodes that lie among buffers keep huge pages from coming free.
 */
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NR_BURSTS = 20, BURSTS_A_STEP = 5, BURST_PART = 2 };
enum { LEAST_BUFFER = 500, LEAST_NODE = 16, MOST_NODE = 256 };

static uint64_t seed = 88172645463325252ull;

static size_t new_block(char **ret, size_t least, size_t most)
{
	size_t size = least + random_below(&seed, most - least);

	*ret = mem_need(malloc(size));
	memset(*ret, 1, size);
	return size;
}

/* Adds what is kept to *@live. */
static void burst(size_t len, size_t kept_len, char **buffers, size_t *live)
{
	size_t nr = 0, kept = 0;
	char *node;

	for (size_t got = 0; got < len;) {
		got += new_block(&buffers[nr++], LEAST_BUFFER,
				 16 * LEAST_BUFFER);
		while (kept < kept_len * got / len)
			kept += new_block(&node, LEAST_NODE, MOST_NODE);
	}
	while (nr)
		free(buffers[--nr]);
	*live += kept;
}

static void report(const char *when, int nr, size_t live)
{
	char step[32];

	snprintf(step, sizeof(step), "burst%d%s", nr, when);
	mem_report(step, live);
}

int main(int argc, char **argv)
{
	size_t most, len, live = 0;
	char **buffers;

	if (argc != 2) {
		fprintf(stderr, "usage: %s MIB\n", argv[0]);
		return 2;
	}
	most = mem_number(argv[1], "MIB") << 20;
	len = most / BURST_PART;
	buffers = mem_table((len / LEAST_BUFFER + 1) * sizeof(*buffers));
	mem_baseline();
	for (int nr = 1; nr <= NR_BURSTS; nr++) {
		burst(len, most / NR_BURSTS, buffers, &live);
		mem_mark();
		mem_wait(0.1);
		if (nr % BURSTS_A_STEP)
			continue;
		report("", nr, live);
		mem_wait(4);
		report("+4s", nr, live);
	}
	return 0;
}
