// SPDX-License-Identifier: MIT
/*
 * A long block is not cleared but given back to the kernel where it is whole
 * huge pages: it reads as zeroes from then on, and a program that touches little
 * of it holds little.  From which length on that pays is the backend's to say.
 */
#include "heap/clear.h"

#include <string.h>

#include "backend/backend.h"
#include "hpheap/hpheap.h"
#include "hpheap/space.h"

/* The backend of a huge page, and how many adjoin it that have the same. */
static const struct backend_ops *same_backend(const char *p, const char *end,
					      size_t *ret_len)
{
	const struct hpage *hp = &space.hpages[space_unit(p) / HPAGE_UNITS];
	unsigned int backend = hp->backend;
	size_t len = HPAGE_SIZE;

	while (p + len < end && (++hp)->backend == backend)
		len += HPAGE_SIZE;
	*ret_len = len;
	return backend_get(backend);
}

/* Whole huge pages. */
static void clear_hpages(char *p, char *end)
{
	size_t total = end - p, len;

	for (; p < end; p += len) {
		const struct backend_ops *ops = same_backend(p, end, &len);

		if (!ops->discard_min || total < ops->discard_min ||
		    ops->discard(p, len))
			memset(p, 0, len);
	}
}

/**
 * clear_block() - make the start of a block read as zeroes
 * @p: the block; all of it is the caller's
 * @len: bytes to clear
 */
void clear_block(void *p, size_t len)
{
	char *end = (char *)p + len;
	char *from = (char *)align_up((uintptr_t)p, HPAGE_SIZE);
	char *to = (char *)align_down((uintptr_t)end, HPAGE_SIZE);

	if (from >= to) {
		memset(p, 0, len);
		return;
	}
	memset(p, 0, from - (char *)p);
	clear_hpages(from, to);
	memset(to, 0, end - to);
}
