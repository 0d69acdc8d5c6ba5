// SPDX-License-Identifier: MIT
/*
 * trim.c - memory given back while others use what lies beside it: threads
 * with patterned blocks of all small sizes, one that trims without end, and
 * forks among them. A page given back too many shows as a pattern lost.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define NR_THREADS 3
#define NR_SLOTS 3000

struct worker {
	struct rng rng;
	pthread_t thread;
	int nr_rounds;
	struct {
		void *p;
		size_t len;
		uint64_t id;
	} slot[NR_SLOTS];
};

static struct worker workers[NR_THREADS];
static atomic_bool stop;

static void drop(struct worker *w, unsigned int at)
{
	EXPECT(pattern_holds(w->slot[at].p, w->slot[at].len, w->slot[at].id),
	       "block %p of %zu overwritten", w->slot[at].p, w->slot[at].len);
	free(w->slot[at].p);
	w->slot[at].p = NULL;
	w->slot[at].len = 0;
}

static void make(struct worker *w, unsigned int at, size_t len)
{
	w->slot[at].p = at % 5 ? malloc(len) : calloc(1, len);
	if (!EXPECT(w->slot[at].p, "NULL for %zu, errno %d", len, errno))
		return;
	if (at % 5 == 0)
		EXPECT(first_nonzero(w->slot[at].p, len) == len,
		       "calloc(%zu) not zero", len);
	w->slot[at].len = len;
	w->slot[at].id = rng_next(&w->rng);
	pattern_fill(w->slot[at].p, len, w->slot[at].id);
}

/* Fill with one size mix, thin out at random, so that single pages come free
 * between used ones; fill the gaps with another.
 */
static void *work(void *arg)
{
	struct worker *w = arg;
	unsigned int at;
	int round;

	for (round = 0; round < w->nr_rounds; round++) {
		size_t most = round % 3 ? 600 : 20000;
		uint64_t keep = 1 + rng_below(&w->rng, 20);

		for (at = 0; at < NR_SLOTS; at++)
			if (!w->slot[at].p)
				make(w, at, rng_size(&w->rng, most));
		for (at = 0; at < NR_SLOTS; at++)
			if (rng_below(&w->rng, 20) >= keep)
				drop(w, at);
	}
	for (at = 0; at < NR_SLOTS; at++)
		drop(w, at);
	return NULL;
}

static void *trim(void *arg)
{
	while (!stop) {
		malloc_trim(0);
		usleep(200);
	}
	return arg;
}

static void workers_start(int nr_rounds)
{
	struct rng seed;
	unsigned int i;

	rng_start(&seed);
	for (i = 0; i < NR_THREADS; i++) {
		workers[i].rng = rng_split(&seed, i);
		workers[i].nr_rounds = nr_rounds * (int)test_scale() /
				       (is_sanitized() ? 5 : 1);
		EXPECT_EQ(0, pthread_create(&workers[i].thread, NULL, work,
					    &workers[i]));
	}
}

static void workers_join(void)
{
	int i;

	for (i = 0; i < NR_THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

static void alone(void)
{
	struct rng seed;
	int i;

	rng_start(&seed);
	for (i = 0; i < 30; i++) {
		workers[0].rng = rng_split(&seed, (unsigned int)i);
		workers[0].nr_rounds = 2;
		work(&workers[0]);
		malloc_trim(0);
	}
}

static void among_threads(void)
{
	pthread_t trimmer;

	stop = false;
	workers_start(60);
	EXPECT_EQ(0, pthread_create(&trimmer, NULL, trim, NULL));
	workers_join();
	stop = true;
	pthread_join(trimmer, NULL);
}

/* The child looks at all that its parent's threads had, and frees some. */
static int child_work(void **blocks, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		if (!pattern_holds(blocks[i], 300, (uint64_t)i))
			return 10;
		if (i % 3)
			free(blocks[i]);
	}
	malloc_trim(0);
	for (i = 0; i < nr; i += 3)
		if (!pattern_holds(blocks[i], 300, (uint64_t)i))
			return 11;
	return 0;
}

static void fork_once(void)
{
	void *blocks[600];
	int status = -1, i;
	pid_t pid;

	for (i = 0; i < 600; i++) {
		blocks[i] = malloc(300);
		pattern_fill(blocks[i], 300, (uint64_t)i);
	}
	pid = fork();
	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		alarm(60);
		_exit(child_work(blocks, 600));
	}
	waitpid(pid, &status, 0);
	EXPECT(!status, "child's wait status %#x", status);
	for (i = 0; i < 600; i++) {
		EXPECT(pattern_holds(blocks[i], 300, (uint64_t)i),
		       "block %d overwritten", i);
		free(blocks[i]);
	}
}

static void among_forks(void)
{
	pthread_t trimmer;
	unsigned int i;

	stop = false;
	workers_start(20);
	EXPECT_EQ(0, pthread_create(&trimmer, NULL, trim, NULL));
	for (i = 0; i < 30 * test_scale(); i++)
		fork_once();
	workers_join();
	stop = true;
	pthread_join(trimmer, NULL);
}

static const struct ktap_test tests[] = {
	{"alone", alone},
	{"among_threads", among_threads},
	{"among_forks", among_forks},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
