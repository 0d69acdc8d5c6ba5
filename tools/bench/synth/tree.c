// SPDX-License-Identifier: MIT
/*
 * Binary trees: built to a depth and torn down again, over and over, beside
 * one long-lived tree; recursion and pointers, as in compilers and
 * interpreters.
 */
#include "synth.h"

#include <stdlib.h>

enum { DEPTH = 14, LONG_DEPTH = 17 };

struct node {
	struct node *left;
	struct node *right;
	long value;
};

static unsigned long nr_trees;

static struct node *grow(int depth)
{
	struct node *node = need(malloc(sizeof(*node)));

	node->value = depth;
	node->left = depth > 0 ? grow(depth - 1) : NULL;
	node->right = depth > 0 ? grow(depth - 1) : NULL;
	return node;
}

static long fell(struct node *node)
{
	long sum;

	if (node == NULL)
		return 0;
	sum = node->value + fell(node->left) + fell(node->right);
	free(node);
	return sum;
}

static void work(int index)
{
	struct node *lasting = grow(LONG_DEPTH);

	(void)index;
	for (unsigned long i = 0; i < nr_trees; i++)
		fell(grow(DEPTH));
	fell(lasting);
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_trees = 24 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
