// SPDX-License-Identifier: MIT
/*
 * thread.c - blocks and threads' lives: foreign frees, frees after the owner
 * ended, thread churn, destructors that allocate, small stacks, a thousand
 * idle threads.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define NR_BLOCKS 20000
#define NR_IDLE 1000

static void *blocks[NR_BLOCKS];

static int start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	int ret = pthread_create(thread, NULL, fn, arg);

	return EXPECT(!ret, "pthread_create: %d", ret);
}

static size_t len_of(size_t i)
{
	return 1 + i * 7919 % (i % 100 ? 1500 : 100000);
}

static void *make_blocks(void *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < NR_BLOCKS; i++) {
		blocks[i] = malloc(len_of(i));
		if (EXPECT(blocks[i], "NULL at %zu", i))
			pattern_fill(blocks[i], len_of(i), i);
	}
	return NULL;
}

static void *free_blocks(void *arg)
{
	size_t i, at;

	(void)arg;
	for (i = 0; i < NR_BLOCKS; i++) {
		at = i * 7 % NR_BLOCKS;
		EXPECT(pattern_holds(blocks[at], len_of(at), at),
		       "block %zu overwritten", at);
		free(blocks[at]);
		blocks[at] = NULL;
	}
	return NULL;
}

static void owner_ended_first(void)
{
	pthread_t thread;
	int round;

	for (round = 0; round < 5; round++) {
		if (!start(&thread, make_blocks, NULL))
			return;
		pthread_join(thread, NULL);
		free_blocks(NULL);
	}
}

static void freed_by_another(void)
{
	pthread_t thread;
	int round;

	for (round = 0; round < 5; round++) {
		make_blocks(NULL);
		if (!start(&thread, free_blocks, NULL))
			return;
		pthread_join(thread, NULL);
	}
}

/* A ring between one producer and one consumer, each block patterned. */
#define RING 1024
#define NR_PASSED 300000

static _Atomic(void *) ring[RING];

static void *consume(void *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < NR_PASSED; i++) {
		void *p;

		while (!(p = atomic_exchange(&ring[i % RING], NULL)))
			sched_yield();
		if (!EXPECT(pattern_holds(p, 8 + i % 200, i),
			    "block %zu overwritten", i))
			exit(1);
		free(p);
	}
	return NULL;
}

static void producer_consumer(void)
{
	long before = proc_status_kib("VmHWM:"), after;
	pthread_t thread;
	size_t i;

	if (!start(&thread, consume, NULL))
		return;
	for (i = 0; i < NR_PASSED; i++) {
		void *p = malloc(8 + i % 200);

		pattern_fill(p, 8 + i % 200, i);
		while (atomic_load(&ring[i % RING]))
			sched_yield();
		atomic_store(&ring[i % RING], p);
	}
	pthread_join(thread, NULL);
	after = proc_status_kib("VmHWM:");
	EXPECT(after - before < 32 * 1024,
	       "peak %ld KiB grown to %ld KiB: freed blocks do not come back",
	       before, after);
}

/* Many short threads; half of them leave a block that outlives them. */
static void *short_life(void *arg)
{
	void *kept[32];
	int i;

	for (i = 0; i < 32; i++) {
		kept[i] = malloc((size_t)(i * 100 + 1));
		if (EXPECT(kept[i], "NULL"))
			memset(kept[i], 1, (size_t)(i * 100 + 1));
	}
	for (i = 1; i < 32; i++)
		free(kept[i]);
	*(void **)arg = kept[0];
	return NULL;
}

static void churn(void)
{
	static void *left[8];
	pthread_t threads[8];
	long before = 0, after;
	int round, i;

	if (is_sanitized()) {
		ktap_skip("the sanitizer's memory counts here");
		return;
	}
	for (round = 0; round < 250; round++) {
		for (i = 0; i < 8; i++)
			if (!start(&threads[i], short_life, &left[i]))
				return;
		for (i = 0; i < 8; i++) {
			pthread_join(threads[i], NULL);
			free(left[i]);
		}
		if (round == 50)
			before = proc_status_kib("VmRSS:");
	}
	after = proc_status_kib("VmRSS:");
	EXPECT(after - before < 8 * 1024,
	       "%ld KiB grown to %ld KiB over 1600 threads", before, after);
}

/* Destructors of thread-specific data allocate, free and set data again, so
 * that they run once more after other destructors (the allocator's, maybe).
 */
static pthread_key_t keys[3];
static atomic_int nr_destroyed;

static void destroy(void *value)
{
	static __thread int rounds;
	void *p = malloc(300), *q = calloc(1, 70000);

	EXPECT(p && q, "%p %p in a destructor", p, q);
	if (p)
		memset(p, 3, 300);
	free(value);
	free(q);
	atomic_fetch_add(&nr_destroyed, 1);
	if (++rounds < 8)
		pthread_setspecific(keys[rounds % 3], p);
	else
		free(p);
}

static void *with_specific(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 3; i++)
		pthread_setspecific(keys[i], malloc(100));
	return NULL;
}

static void destructors_allocate(void)
{
	pthread_t threads[16];
	int i, round;

	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, pthread_key_create(&keys[i], destroy));
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 16; i++)
			if (!start(&threads[i], with_specific, NULL))
				return;
		for (i = 0; i < 16; i++)
			pthread_join(threads[i], NULL);
	}
	EXPECT(nr_destroyed >= 16 * 10 * 8, "%d calls", nr_destroyed);
	for (i = 0; i < 3; i++)
		pthread_key_delete(keys[i]);
}

static void *all_families(void *arg)
{
	size_t size;

	(void)arg;
	for (size = 1; size < 32 << 20; size *= 3) {
		void *p = malloc(size), *q = calloc(1, size);
		void *r = aligned_alloc(4096, size);

		EXPECT(p && q && r, "%p %p %p", p, q, r);
		p = realloc(p, size * 2);
		EXPECT(p, "NULL");
		free(p);
		free(q);
		free(r);
	}
	malloc_trim(0);
	return NULL;
}

static void small_stack(void)
{
	size_t len = (size_t)sysconf(_SC_THREAD_STACK_MIN);
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	if (len < 16384)
		len = 16384;
	pthread_attr_init(&attr);
	EXPECT_EQ(0, pthread_attr_setstacksize(&attr, len));
	ret = pthread_create(&thread, &attr, all_families, NULL);
	if (EXPECT(!ret, "pthread_create: %d", ret))
		pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
}

static void *detached_life(void *arg)
{
	sem_t *ended = arg;
	void *p = malloc(5000);

	EXPECT(p, "NULL");
	free(p);
	sem_post(ended);
	return NULL;
}

static void detached(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sem_t ended;
	int i, nr = 0;

	sem_init(&ended, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (i = 0; i < 200; i++)
		nr += !pthread_create(&thread, &attr, detached_life, &ended);
	for (i = 0; i < nr; i++)
		sem_wait(&ended);
	if (nr < 200)
		ktap_skip("only %d of 200 threads could be made", nr);
	pthread_attr_destroy(&attr);
}

static sem_t idle_go, idle_ready;

static void *idle(void *arg)
{
	void *p[20];
	int i;

	(void)arg;
	for (i = 0; i < 20; i++) {
		p[i] = malloc(64 + (size_t)i * 32);
		if (p[i])
			memset(p[i], 1, 64);
	}
	for (i = 0; i < 20; i++)
		free(p[i]);
	sem_post(&idle_ready);
	sem_wait(&idle_go);
	return NULL;
}

/* A thousand threads that did a little and now wait cost little memory. */
static void thousand_idle(void)
{
	static pthread_t threads[NR_IDLE];
	long before = proc_status_kib("VmRSS:"), after;
	pthread_attr_t attr;
	int i, nr = 0;

	if (is_sanitized()) {
		ktap_skip("the sanitizer's memory counts here");
		return;
	}
	sem_init(&idle_go, 0, 0);
	sem_init(&idle_ready, 0, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 * 1024);
	while (nr < NR_IDLE &&
	       !pthread_create(&threads[nr], &attr, idle, NULL))
		nr++;
	for (i = 0; i < nr; i++)
		sem_wait(&idle_ready);
	after = proc_status_kib("VmRSS:");
	for (i = 0; i < nr; i++)
		sem_post(&idle_go);
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	pthread_attr_destroy(&attr);
	if (nr < NR_IDLE)
		ktap_skip("only %d of %d threads could be made", nr, NR_IDLE);
	EXPECT(after - before < (long)nr * 384,
	       "%ld KiB for %d threads, more than 384 each", after - before,
	       nr);
}

static const struct ktap_test tests[] = {
	{"owner_ended_first", owner_ended_first},
	{"freed_by_another", freed_by_another},
	{"producer_consumer", producer_consumer},
	{"churn", churn},
	{"destructors_allocate", destructors_allocate},
	{"small_stack", small_stack},
	{"detached", detached},
	{"thousand_idle", thousand_idle},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
