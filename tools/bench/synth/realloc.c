// SPDX-License-Identifier: MIT
/*
 * Growing buffers: each thread keeps buffers that it grows by appending or
 * shrinks at random through realloc(), from strings of a few bytes to vectors
 * of a megabyte.
 */
#include "synth.h"

#include <stdlib.h>

enum { NR_BUFFERS = 256, MAX_SIZE = 1 << 20 };

struct buffer {
	char *data;
	size_t len;
};

static unsigned long nr_steps;

static size_t next_len(uint64_t *seed, size_t len)
{
	size_t what = random_below(seed, 16);

	if (len >= MAX_SIZE || what == 0)
		return 8 + random_below(seed, 64);
	if (what < 3)
		return len / 2 + 8;
	if (what < 8)
		return len + 1 + random_below(seed, 64);
	return len + len / 2 + 8;
}

static void work(int index)
{
	uint64_t seed = thread_seed(index);
	struct buffer *buffers = need(calloc(NR_BUFFERS, sizeof(*buffers)));

	for (unsigned long i = 0; i < nr_steps; i++) {
		struct buffer *buf = &buffers[random_below(&seed, NR_BUFFERS)];
		size_t len = next_len(&seed, buf->len);

		buf->data = need(realloc(buf->data, len));
		if (len > buf->len)
			for (size_t at = buf->len; at < len; at += 256)
				buf->data[at] = 1;
		buf->data[len - 1] = 1;
		buf->len = len;
	}
	for (int i = 0; i < NR_BUFFERS; i++)
		free(buffers[i].data);
	free(buffers);
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_steps = 5000 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
