// SPDX-License-Identifier: MIT
/*
 * Each node heap's figures.  Where its memory is, is the kernel's word: a sample
 * of its huge pages is looked up by move_pages(2), which moves nothing.
 */
#include "heap/nodes.h"

#include "hpheap/hpheap.h"
#include "hpheap/place.h"
#include "os/numa.h"
#include "rt/print.h"

enum { SAMPLES = 256 };

static void share_of(struct hpheap *h, struct node_share *ret)
{
	void *pages[SAMPLES];
	int where[SAMPLES];
	unsigned int nr = hpheap_sample(h, pages, SAMPLES);
	u64 wanted = place_wanted(h->node);

	*ret = (struct node_share){ .sampled = 0 };
	if (!nr || os_numa_where(pages, nr, where))
		return;
	for (unsigned int i = 0; i < nr; i++) {
		if (where[i] < 0)
			continue;
		ret->sampled++;
		ret->local += where[i] < 64 && wanted >> where[i] & 1;
	}
}

/**
 * nodes_share() - where memory is, over all nodes
 * @ret_sum: receives the sums
 */
void nodes_share(struct node_share *ret_sum)
{
	struct node_share one;

	*ret_sum = (struct node_share){ .sampled = 0 };
	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h)) {
		share_of(h, &one);
		ret_sum->sampled += one.sampled;
		ret_sum->local += one.local;
	}
}

#define NODE_TABLE(FIGURE)                                                     \
	FIGURE(in_use, stats.used)                                             \
	FIGURE(dirty, stats.dirty)                                             \
	FIGURE(held, stats.held)                                               \
	FIGURE(purged, stats.purged)                                           \
	FIGURE(sampled, share.sampled)                                         \
	FIGURE(local, share.local)

#define TEXT_FIGURE(name, value)                                               \
	print_str(p, ", " #name " ");                                          \
	print_u64(p, value);

#define JSON_FIGURE(name, value)                                               \
	print_str(p, ",\"" #name "\":");                                       \
	print_u64(p, value);

static void gather(struct hpheap *h, struct hpheap_stats *stats,
		   struct node_share *share)
{
	*stats = (struct hpheap_stats){ .mapped = 0 };
	hpheap_stats_add(h, stats);
	share_of(h, share);
}

/* One line a node. */
void nodes_print_text(struct print *p)
{
	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h)) {
		struct hpheap_stats stats;
		struct node_share share;

		gather(h, &stats, &share);
		print_str(p, "  node ");
		print_u64(p, h->node);
		NODE_TABLE(TEXT_FIGURE)
		print_str(p, "\n");
	}
}

/* An array of one object a node. */
void nodes_print_json(struct print *p)
{
	const char *sep = "";

	print_str(p, "[");
	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h)) {
		struct hpheap_stats stats;
		struct node_share share;

		gather(h, &stats, &share);
		print_str(p, sep);
		print_str(p, "{\"node\":");
		print_u64(p, h->node);
		NODE_TABLE(JSON_FIGURE)
		print_str(p, "}");
		sep = ",";
	}
	print_str(p, "]");
}
