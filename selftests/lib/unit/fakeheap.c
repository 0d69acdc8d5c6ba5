// SPDX-License-Identifier: MIT
/*
 * fakeheap.c - the backend of fakeheap.h: there is no memory, and nothing fails.
 */
#include "fakeheap.h"

#include "ktap.h"

#include "backend/backend.h"
#include "hpheap/purge.h"
#include "hpheap/space.h"
#include "os/sys.h"
#include "rt/conf.h"

struct hpheap *heap;

static int fake_discard(void *addr, size_t len)
{
	(void)addr;
	(void)len;
	return 0;
}

const struct backend_ops *backend_get(enum backend_id id)
{
	static const struct backend_ops ops = {
		.name = "fake",
		.is_huge = true,
		.discard = fake_discard,
	};

	(void)id;
	return &ops;
}

int backend_map(void *addr, size_t len, enum backend_want want,
		enum backend_id *ret_id)
{
	(void)addr;
	(void)len;
	(void)want;
	*ret_id = BK_THP;
	return 0;
}

bool fake_heap(void)
{
	if (!heap) {
		os_init();
		conf.thp_start = 0;
		if (!EXPECT(!space_init((size_t)1 << 30), "no address space"))
			return false;
		heap = hpheap_get(0);
	}
	if (!EXPECT(heap, "no heap"))
		return false;
	purge_run(heap, PURGE_ALL, UINT32_MAX);
	return EXPECT_EQ(0, purge_pending(heap));
}
