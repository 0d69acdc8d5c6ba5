// SPDX-License-Identifier: MIT
/*
 * Random pointer-chasing over a heap of small nodes: chase MIB. The nodes
 * are linked into one random cycle, so every step is a miss of caches and,
 * without huge pages, of the TLB. Prints nanoseconds a step, best of
 * several passes.
 */
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODE_SIZE = 64, NR_PASSES = 5, NR_STEPS = 5000000 };

struct node {
	struct node *next;
};

/* Sattolo's shuffle: a permutation that is a single cycle. */
static void link_cycle(struct node **nodes, size_t nr)
{
	uint64_t seed = 88172645463325252ull;

	for (size_t i = nr - 1; i > 0; i--) {
		size_t j = random_below(&seed, i);
		struct node *other = nodes[j];

		nodes[j] = nodes[i];
		nodes[i] = other;
	}
	for (size_t i = 0; i < nr; i++)
		nodes[i]->next = nodes[(i + 1) % nr];
}

static double chase(struct node *node)
{
	double start = mem_elapsed();

	for (int i = 0; i < NR_STEPS; i++)
		node = node->next;
	__asm__ volatile("" : : "r"(node));
	return (mem_elapsed() - start) / NR_STEPS * 1e9;
}

int main(int argc, char **argv)
{
	double best = 1e9;
	struct node **nodes;
	size_t nr;

	if (argc != 2) {
		fprintf(stderr, "usage: %s MIB\n", argv[0]);
		return 2;
	}
	nr = (mem_number(argv[1], "MIB") << 20) / NODE_SIZE;
	nodes = mem_table(nr * sizeof(*nodes));
	mem_baseline();
	mem_mark();
	for (size_t i = 0; i < nr; i++)
		nodes[i] = mem_need(malloc(NODE_SIZE));
	link_cycle(nodes, nr);
	mem_report("built", nr * NODE_SIZE);
	for (int pass = 0; pass < NR_PASSES; pass++) {
		double ns = chase(nodes[pass]);

		if (ns < best)
			best = ns;
	}
	printf("chase ns %.2f\n", best);
	return 0;
}
