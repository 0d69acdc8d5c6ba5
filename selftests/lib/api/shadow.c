// SPDX-License-Identifier: MIT
/*
 * shadow.c - randomised load with every block carrying its own pattern, which
 * is verified at each resize and free: finds overlaps, lost writes, blocks
 * given out twice. One thread, then many that free each other's blocks.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>

#define NR_SLOTS 2048
#define NR_SHARED 512
#define NR_THREADS 6

struct block {
	void *p;
	size_t len;
	uint64_t id;
};

struct worker {
	struct rng rng;
	int nr_ops;
	size_t max_len;
	uint64_t next_id;
	struct block slots[NR_SLOTS];
};

/* Blocks on their way from one thread to another. Guarded by shared_lock. */
static struct block shared[NR_SHARED];
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct worker workers[NR_THREADS];

static int block_verify(const struct block *b, const char *when)
{
	return EXPECT(pattern_holds(b->p, b->len, b->id),
		      "block %p of %zu overwritten, seen at %s", b->p, b->len,
		      when);
}

static void block_free(struct block *b)
{
	if (!b->p)
		return;
	block_verify(b, "free");
	free(b->p);
	b->p = NULL;
}

static size_t pick_size(struct worker *w)
{
	uint64_t dice = rng_below(&w->rng, 1000);

	if (dice < 900)
		return rng_size(&w->rng, 1024);
	if (dice < 997)
		return rng_size(&w->rng, 64 * 1024);
	return rng_size(&w->rng, w->max_len);
}

static void *pick_alloc(struct worker *w, size_t len, const char **how)
{
	size_t align = (size_t)16 << rng_below(&w->rng, 9);
	void *p;

	switch (rng_below(&w->rng, 12)) {
	case 0:
		*how = "calloc";
		p = calloc(1, len);
		if (p && len < 100000)
			EXPECT(first_nonzero(p, len) == len,
			       "calloc(%zu) not zero at %zu", len,
			       first_nonzero(p, len));
		return p;
	case 1:
		*how = "aligned_alloc";
		p = aligned_alloc(align, len);
		EXPECT(!((uintptr_t)p & (align - 1)), "%p, alignment %zu", p,
		       align);
		return p;
	default:
		*how = "malloc";
		return malloc(len);
	}
}

static void block_alloc(struct worker *w, struct block *b)
{
	const char *how;

	b->len = pick_size(w);
	b->p = pick_alloc(w, b->len, &how);
	b->id = w->next_id++;
	if (EXPECT(b->p, "NULL from %s(%zu), errno %d", how, b->len, errno))
		pattern_fill(b->p, b->len, b->id);
}

static void block_resize(struct worker *w, struct block *b)
{
	size_t len = rng_below(&w->rng, 4) ? b->len / 2 + rng_below(&w->rng,
								    b->len + 9)
					   : pick_size(w);
	size_t kept;
	void *p;

	len += !len;
	len = len < w->max_len ? len : w->max_len;
	kept = len < b->len ? len : b->len;
	p = realloc(b->p, len);
	if (!EXPECT(p, "NULL from realloc to %zu", len))
		return;
	EXPECT(pattern_holds_part(p, kept, b->len, b->id),
	       "contents lost: %p of %zu to %p of %zu", b->p, b->len, p, len);
	b->p = p;
	b->len = len;
	b->id = w->next_id++;
	pattern_fill(p, len, b->id);
}

static void block_swap(struct worker *w, struct block *b)
{
	unsigned int at = (unsigned int)rng_below(&w->rng, NR_SHARED);
	struct block mine = *b;

	pthread_mutex_lock(&shared_lock);
	*b = shared[at];
	shared[at] = mine;
	pthread_mutex_unlock(&shared_lock);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int i;

	for (i = 0; i < w->nr_ops; i++) {
		struct block *b = &w->slots[rng_below(&w->rng, NR_SLOTS)];
		uint64_t dice = rng_below(&w->rng, 16);

		if (!b->p)
			block_alloc(w, b);
		else if (dice < 3)
			block_resize(w, b);
		else if (dice < 6)
			block_swap(w, b);
		else
			block_free(b);
	}
	return NULL;
}

static void worker_start(struct worker *w, const struct rng *seed,
			 unsigned int part, int nr_ops)
{
	memset(w, 0, sizeof(*w));
	w->rng = rng_split(seed, part);
	w->nr_ops = nr_ops * (int)test_scale() / (is_sanitized() ? 5 : 1);
	w->max_len = 4 << 20;
	w->next_id = (uint64_t)part << 48;
}

static void drain(struct block *blocks, int nr)
{
	while (nr--)
		block_free(&blocks[nr]);
}

static void one_thread(void)
{
	struct rng seed;

	rng_start(&seed);
	worker_start(&workers[0], &seed, 0, 600000);
	work(&workers[0]);
	drain(workers[0].slots, NR_SLOTS);
	drain(shared, NR_SHARED);
}

static void many_threads(void)
{
	pthread_t threads[NR_THREADS];
	struct rng seed;
	unsigned int i;

	rng_start(&seed);
	for (i = 0; i < NR_THREADS; i++)
		worker_start(&workers[i], &seed, i, 200000);
	for (i = 0; i < NR_THREADS; i++)
		if (!EXPECT(!pthread_create(&threads[i], NULL, work,
					    &workers[i]),
			    "no thread %u", i))
			return;
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < NR_THREADS; i++)
		drain(workers[i].slots, NR_SLOTS);
	drain(shared, NR_SHARED);
}

/* Generations of threads: each ends with its blocks alive, the next one
 * resizes and frees them.
 */
static void generations(void)
{
	struct rng seed;
	pthread_t thread;
	unsigned int i;

	rng_start(&seed);
	worker_start(&workers[0], &seed, 0, 20000);
	for (i = 0; i < 40; i++) {
		if (!EXPECT(!pthread_create(&thread, NULL, work, &workers[0]),
			    "no thread %u", i))
			return;
		pthread_join(thread, NULL);
		if (i % 10 == 9)
			malloc_trim(0);
	}
	drain(workers[0].slots, NR_SLOTS);
	drain(shared, NR_SHARED);
}

static const struct ktap_test tests[] = {
	{"one_thread", one_thread},
	{"many_threads", many_threads},
	{"generations", generations},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
