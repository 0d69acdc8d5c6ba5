// SPDX-License-Identifier: MIT
/*
 * fork.c - new processes while threads allocate: fork with and without
 * handlers, generations, vfork, posix_spawn, clone() into the same memory.
 * A child that hangs is ended by its alarm and so seen. (Raw clone() that runs
 * no handler at all: rawclone.c.)
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define NR_THREADS 4
#define CHILD_SECONDS 60

extern char **environ;

static atomic_bool stop;
static pthread_t threads[NR_THREADS];

static void *churn(void *arg)
{
	struct rng rng = {(uintptr_t)arg};
	struct {
		void *p;
		size_t len;
	} slot[256] = {};
	int i;

	while (!stop) {
		unsigned int at = (unsigned int)rng_below(&rng, 256);

		EXPECT(pattern_holds(slot[at].p, slot[at].len, at),
		       "block of %zu overwritten", slot[at].len);
		free(slot[at].p);
		slot[at].len = rng_size(&rng, at % 32 ? 2000 : 300000);
		slot[at].p = malloc(slot[at].len);
		pattern_fill(slot[at].p, slot[at].len, at);
	}
	for (i = 0; i < 256; i++)
		free(slot[i].p);
	return NULL;
}

static void churn_start(void)
{
	uintptr_t i;

	stop = false;
	for (i = 0; i < NR_THREADS; i++)
		EXPECT_EQ(0, pthread_create(&threads[i], NULL, churn,
					    (void *)(i + 1)));
}

static void churn_stop(void)
{
	int i;

	stop = true;
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* What each child does: all size ranges, frees of the parent's blocks. */
static int child_work(void **inherited, int nr)
{
	size_t size;
	int i;

	for (i = 0; i < nr; i++) {
		if (!pattern_holds(inherited[i], 500, (uint64_t)i))
			return 10;
		free(inherited[i]);
	}
	for (size = 1; size < 8 << 20; size *= 3) {
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

static void expect_clean_end(pid_t pid, const char *what)
{
	int status = -1;

	if (!EXPECT(pid > 0, "%s: %s", what, strerror(errno)))
		return;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status),
	       "%s: child's wait status %#x (0xe: hung)", what, status);
}

static void make_blocks(void **blocks, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		blocks[i] = malloc(500);
		pattern_fill(blocks[i], 500, (uint64_t)i);
	}
}

static void free_blocks(void **blocks, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		EXPECT(pattern_holds(blocks[i], 500, (uint64_t)i),
		       "parent's block %d overwritten", i);
		free(blocks[i]);
	}
}

static void fork_round(void)
{
	void *blocks[200];
	pid_t pid;

	make_blocks(blocks, 200);
	pid = fork();
	if (!pid) {
		alarm(CHILD_SECONDS);
		_exit(child_work(blocks, 200));
	}
	expect_clean_end(pid, "fork");
	free_blocks(blocks, 200);
}

static void fork_alone(void)
{
	int i;

	for (i = 0; i < 20; i++)
		fork_round();
}

static void fork_among_threads(void)
{
	unsigned int i;

	churn_start();
	for (i = 0; i < 40 * test_scale(); i++)
		fork_round();
	churn_stop();
}

/* Threads that start and end while another forks: the allocator's tables of
 * threads change under the fork handlers.
 */
static void *short_life(void *arg)
{
	void *p = malloc(100), *q = malloc(40000);

	pattern_fill(p, 100, 1);
	pattern_fill(q, 40000, 2);
	EXPECT(pattern_holds(p, 100, 1), "overwritten");
	EXPECT(pattern_holds(q, 40000, 2), "overwritten");
	free(p);
	free(q);
	return arg;
}

static void *start_threads(void *arg)
{
	pthread_t thread[8];
	int i;

	while (!stop) {
		for (i = 0; i < 8; i++)
			if (pthread_create(&thread[i], NULL, short_life, NULL))
				break;
		while (i--)
			pthread_join(thread[i], NULL);
	}
	return arg;
}

static void fork_among_thread_starts(void)
{
	pthread_t starters[2];
	unsigned int i;

	stop = false;
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, pthread_create(&starters[i], NULL, start_threads,
					    NULL));
	for (i = 0; i < 60 * test_scale(); i++)
		fork_round();
	stop = true;
	for (i = 0; i < 2; i++)
		pthread_join(starters[i], NULL);
}

static int nr_prepared, nr_parent, nr_child;
static void *in_handler;

static void prepare(void)
{
	nr_prepared++;
	in_handler = malloc(4000);
}

static void in_parent(void)
{
	nr_parent++;
	free(in_handler);
}

static void in_child(void)
{
	nr_child++;
	free(in_handler);
	free(malloc(100));
}

/* Handlers that allocate, registered after the allocator's own (its were at
 * start-up), so they run before its locks are taken and after they are given
 * up.
 */
static void fork_handlers_allocate(void)
{
	int i;

	EXPECT_EQ(0, pthread_atfork(prepare, in_parent, in_child));
	churn_start();
	for (i = 0; i < 20; i++)
		fork_round();
	churn_stop();
	EXPECT_EQ(20, nr_prepared);
	EXPECT_EQ(20, nr_parent);
}

/* The child starts threads of its own, and a child from one of those. */
static void *fork_in_thread(void *arg)
{
	fork_round();
	return arg;
}

static int second_generation(void)
{
	pthread_t thread;

	churn_start();
	fork_round();
	if (pthread_create(&thread, NULL, fork_in_thread, NULL))
		return 20;
	pthread_join(thread, NULL);
	churn_stop();
	return ktap_child_status();
}

static void generations(void)
{
	pid_t pid;
	int i;

	churn_start();
	for (i = 0; i < 5; i++) {
		fflush(stdout);
		pid = fork();
		if (!pid) {
			alarm(CHILD_SECONDS);
			_exit(second_generation());
		}
		expect_clean_end(pid, "generations");
	}
	churn_stop();
}

/* Parent and child write their copies of the same blocks; neither sees the
 * other's.
 */
static void copies_are_apart(void)
{
	void *blocks[400];
	pid_t pid;
	int i;

	make_blocks(blocks, 400);
	fflush(stdout);
	pid = fork();
	for (i = 0; pid >= 0 && i < 400; i++)
		pattern_fill(blocks[i], 500, (uint64_t)(pid ? i + 1000 : i));
	if (!pid) {
		alarm(CHILD_SECONDS);
		usleep(20000);
		_exit(child_work(blocks, 400));
	}
	for (i = 0; i < 400; i++)
		EXPECT(pattern_holds(blocks[i], 500, (uint64_t)i + 1000),
		       "block %d has the child's writes", i);
	expect_clean_end(pid, "copies");
	for (i = 0; i < 400; i++)
		free(blocks[i]);
}

static void vfork_exec(void)
{
	pid_t pid;
	int i;

	churn_start();
	for (i = 0; i < 30; i++) {
		pid = vfork();
		if (!pid) {
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		expect_clean_end(pid, "vfork");
		free(malloc(3000));
	}
	churn_stop();
}

static void spawn(void)
{
	char *argv[] = {(char *)"true", NULL};
	pid_t pid;
	int i;

	churn_start();
	for (i = 0; i < 30; i++) {
		EXPECT_EQ(0, posix_spawn(&pid, "/bin/true", NULL, NULL, argv,
					 environ));
		expect_clean_end(pid, "posix_spawn");
	}
	churn_stop();
}

/* CLONE_VM without CLONE_THREAD: another process in the same memory. */
static atomic_int clone_vm_sum;

static int clone_vm_fn(void *arg)
{
	(void)arg;
	atomic_fetch_add(&clone_vm_sum, 1);
	return 0;
}

static void clone_vm(void)
{
	size_t len = 64 * 1024;
	char *stack;
	int i;

	for (i = 0; i < 10; i++) {
		stack = aligned_alloc(16, len);
		expect_clean_end(clone(clone_vm_fn, stack + len,
				       CLONE_VM | SIGCHLD, NULL),
				 "clone(CLONE_VM)");
		free(stack);
	}
	EXPECT_EQ(10, clone_vm_sum);
}

/* The child of a server that takes a snapshot: it reads, frees and allocates
 * within what it inherited, and asks for a trim. Nothing is given back and
 * nothing made huge, at once or later.
 */
static int snapshot_work(char **blocks, int nr)
{
	long long purged = ashlar_stat("purged");
	long long collapsed = ashlar_stat("collapsed");
	int i, round;

	for (round = 0; round < 10; round++) {
		for (i = round; i < nr; i += 10) {
			if (!pattern_holds(blocks[i], 700, (uint64_t)i))
				return 10;
			free(blocks[i]);
		}
		for (i = 0; i < 300; i++)
			free(malloc((size_t)i + 1));
		malloc_trim(0);
		usleep(50000);
	}
	if (ashlar_stat("purged") != purged)
		return 11;
	return ashlar_stat("collapsed") != collapsed ? 12 : 0;
}

static void snapshot_is_quiet(void)
{
	static char *blocks[60000];
	int nr = 60000, i;
	pid_t pid;

	if (!is_ashlar()) {
		ktap_skip("not running under libashlar");
		return;
	}
	for (i = 0; i < nr; i++) {
		blocks[i] = malloc(700);
		pattern_fill(blocks[i], 700, (uint64_t)i);
	}
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(CHILD_SECONDS);
		_exit(snapshot_work(blocks, nr));
	}
	expect_clean_end(pid, "snapshot (11 purged, 12 collapsed)");
	for (i = 0; i < nr; i++)
		free(blocks[i]);
	/* The parent purges as ever. */
	malloc_trim(0);
	EXPECT(ashlar_stat("purged") > 0, "nothing purged");
}

static const struct ktap_test tests[] = {
	{"snapshot_is_quiet", snapshot_is_quiet},
	{"fork_alone", fork_alone},
	{"fork_among_threads", fork_among_threads},
	{"fork_among_thread_starts", fork_among_thread_starts},
	{"generations", generations},
	{"copies_are_apart", copies_are_apart},
	{"vfork_exec", vfork_exec},
	{"spawn", spawn},
	{"clone_vm", clone_vm},
	{"fork_handlers_allocate", fork_handlers_allocate},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
