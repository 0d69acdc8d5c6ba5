// SPDX-License-Identifier: MIT
/*
 * Futexes and thread stacks in a region.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/futex.h>

#include "guest.h"
#include "ktap.h"

static long futex(uint32_t *word, int op, uint32_t value,
		  const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

static void *waiter(void *arg)
{
	uint32_t *word = arg;

	while (!__atomic_load_n(word, __ATOMIC_ACQUIRE))
		futex(word, FUTEX_WAIT_PRIVATE, 0, NULL);
	return NULL;
}

static void private_futex(void)
{
	uint32_t *word = (uint32_t *)map_region(HUNK);
	pthread_t thread;

	pthread_create(&thread, NULL, waiter, word);
	usleep(50000);
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	futex(word, FUTEX_WAKE_PRIVATE, 1, NULL);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	munmap(word, HUNK);
}

/* As for private memory: a key that works, and is the process's own. */
static void shared_futex(void)
{
	uint32_t *word = (uint32_t *)map_region(HUNK);
	struct timespec soon = { .tv_nsec = 1000000 };
	struct timespec later = { .tv_nsec = 300000000 };
	pid_t pid;

	word[0] = 7;
	EXPECT_EQ(-1, futex(word, FUTEX_WAIT, 0, NULL));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, futex(word, FUTEX_WAIT, 7, &soon));
	EXPECT_EQ(ETIMEDOUT, errno);
	pid = fork();
	if (!pid) {
		word[0] = 7;
		_exit(futex(word, FUTEX_WAIT, 7, &later) != -1 ||
		      errno != ETIMEDOUT);
	}
	usleep(100000);
	word[0] = 7;
	EXPECT_EQ(0, futex(word, FUTEX_WAKE, 10, NULL));
	EXPECT_EQ(0, wait_child(pid));
	munmap(word, HUNK);
}

static void *use_stack(void *arg)
{
	volatile char bytes[9000];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = 1;
	usleep(20000);
	return bytes[77] == 1 ? arg : NULL;
}

static void thread_stack(void)
{
	char *stack = map_region(HUNK);
	void *ret = NULL;
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	EXPECT_EQ(0, pthread_attr_setstack(&attr, stack, HUNK));
	EXPECT_EQ(0, pthread_create(&thread, &attr, use_stack, stack));
	EXPECT_EQ(0, pthread_join(thread, &ret));
	EXPECT(ret == stack, "thread returned %p", ret);
	munmap(stack, HUNK);
}

static void priority_inheritance(void)
{
	pthread_mutex_t *mutex = (pthread_mutex_t *)map_region(HUNK);
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(mutex, &attr);
	EXPECT_EQ(0, pthread_mutex_lock(mutex));
	EXPECT_EQ(0, pthread_mutex_unlock(mutex));
	munmap(mutex, HUNK);
}

static const struct ktap_test tests[] = {
	{ "private_futex", private_futex },
	{ "shared_futex", shared_futex },
	{ "thread_stack", thread_stack },
	{ "priority_inheritance", priority_inheritance },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	return ktap_main(tests, argc, argv);
}
