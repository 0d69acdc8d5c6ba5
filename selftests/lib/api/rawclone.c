// SPDX-License-Identifier: MIT
/*
 * rawclone.c - children made by the system call itself, so that no fork handler
 * runs: whatever lock another thread held stays held in the child for ever.
 * libc's malloc may hang then; Ashlar promises not to.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NR_THREADS 4
#define NR_BLOCKS 200
#define CHILD_SECONDS 20

static atomic_bool stop;
static pthread_t threads[NR_THREADS];

/* Sizes that keep the huge-page heap and the slabs busy. */
static void *churn(void *arg)
{
	struct rng rng = {(uintptr_t)arg};
	void *p[64] = {};
	int i;

	while (!stop) {
		unsigned int at = (unsigned int)rng_below(&rng, 64);

		free(p[at]);
		p[at] = malloc(rng_size(&rng, at % 4 ? 30000 : 1 << 20));
		if (p[at])
			*(volatile char *)p[at] = 1;
	}
	for (i = 0; i < 64; i++)
		free(p[i]);
	return NULL;
}

static void make_blocks(void **blocks)
{
	int i;

	for (i = 0; i < NR_BLOCKS; i++) {
		blocks[i] = malloc(500 + (size_t)i * 50);
		pattern_fill(blocks[i], 500, (uint64_t)i);
	}
}

static int child_work(void **inherited)
{
	size_t size;
	int i;

	for (i = 0; i < NR_BLOCKS; i++) {
		if (!pattern_holds(inherited[i], 500, (uint64_t)i))
			return 10;
		free(inherited[i]);
	}
	for (size = 1; size < 8 << 20; size = size * 3 / 2 + 1) {
		char *p = malloc(size), *q = calloc(1, size);

		if (!p || !q || first_nonzero(q, size) != size)
			return 11;
		pattern_fill(p, size, size);
		q = realloc(q, size * 2);
		if (!q || !pattern_holds(p, size, size))
			return 12;
		free(p);
		free(q);
	}
	malloc_trim(0);
	return 0;
}

/* Return: the child's wait status. */
static int clone_round(void)
{
	void *blocks[NR_BLOCKS];
	int status = -1, i;
	pid_t pid;

	make_blocks(blocks);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		alarm(CHILD_SECONDS);
		_exit(child_work(blocks));
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	for (i = 0; i < NR_BLOCKS; i++) {
		EXPECT(pattern_holds(blocks[i], 500, (uint64_t)i),
		       "parent's block %d overwritten", i);
		free(blocks[i]);
	}
	return status;
}

static void rounds(unsigned int nr)
{
	int status = 0;

	while (nr-- && !status)
		status = clone_round();
	EXPECT(!status, "wait status %#x (0xe: hung)", status);
}

static void alone(void)
{
	rounds(50);
}

static void among_threads(void)
{
	uintptr_t i;

	if (!is_ashlar()) {
		ktap_skip("only Ashlar promises this");
		return;
	}
	for (i = 0; i < NR_THREADS; i++)
		EXPECT_EQ(0, pthread_create(&threads[i], NULL, churn,
					    (void *)(i + 1)));
	rounds(150 * test_scale());
	stop = true;
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
}

static const struct ktap_test tests[] = {
	{"alone", alone},
	{"among_threads", among_threads},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
