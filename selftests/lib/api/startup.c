// SPDX-License-Identifier: MIT
/*
 * startup.c - malloc at the ends of a process's life: from preinit and init
 * arrays before main, in exit handlers and destructors after it. The later
 * part runs in children ("inner" word), whose exit code shows that all ran.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>

static void *early[3];
static int is_inner, steps;

static void *take(uint64_t id)
{
	void *p = malloc(3000);

	if (p)
		pattern_fill(p, 3000, id);
	return p;
}

static int check_and_free(void *p, uint64_t id)
{
	int good = p && pattern_holds(p, 3000, id);

	free(p);
	return good;
}

static void preinit(void)
{
	early[0] = take(0);
}

__attribute__((section(".preinit_array"), used)) static void (
	*preinit_entry)(void) = preinit;

__attribute__((constructor(101))) static void first_constructor(void)
{
	early[1] = take(1);
	free(calloc(100, 100));
}

__attribute__((constructor)) static void last_constructor(void)
{
	early[2] = realloc(take(2), 6000);
}

static void before_main(void)
{
	uint64_t i;

	for (i = 0; i < 3; i++)
		EXPECT(early[i], "NULL at stage %d", (int)i);
	EXPECT(check_and_free(early[0], 0), "preinit's block overwritten");
	EXPECT(check_and_free(early[1], 1), "constructor's block overwritten");
	EXPECT(check_and_free(early[2], 2), "constructor's block overwritten");
	early[0] = early[1] = early[2] = NULL;
}

static void *kept;

static void at_exit(void)
{
	steps += check_and_free(kept, 7);
	kept = take(8);
}

static void *late_thread(void *arg)
{
	free(arg);
	return take(9);
}

static void thread_at_exit(void)
{
	pthread_t thread;
	void *p = NULL;

	if (!pthread_create(&thread, NULL, late_thread, malloc(10)))
		pthread_join(thread, &p);
	steps += check_and_free(p, 9);
}

/* Runs after the exit handlers, before the library's own end (it was loaded
 * first). The exit status is replaced by what was seen.
 */
__attribute__((destructor)) static void last_destructor(void)
{
	if (!is_inner)
		return;
	steps += check_and_free(kept, 8);
	malloc_trim(0);
	free(realloc(malloc(10), 100000));
	fflush(stdout);
	_exit(steps == 3 ? 42 : 43);
}

static void *ends_process(void *arg)
{
	(void)arg;
	exit(0);
}

static void *allocates_forever(void *arg)
{
	for (;;)
		free(malloc((uintptr_t)arg * 1000));
	return NULL;
}

static int inner(const char *how)
{
	uintptr_t i;
	pthread_t thread;

	alarm(60);
	is_inner = 1;
	kept = take(7);
	atexit(at_exit);
	atexit(thread_at_exit);
	if (!strcmp(how, "busy"))
		for (i = 1; i < 5; i++)
			pthread_create(&thread, NULL, allocates_forever,
				       (void *)i);
	if (!strcmp(how, "thread")) {
		pthread_create(&thread, NULL, ends_process, NULL);
		pthread_join(thread, NULL);
	}
	if (!strcmp(how, "main_ends")) {
		pthread_create(&thread, NULL, ends_process, NULL);
		pthread_exit(NULL);
	}
	return 0;
}

static void expect_end(const char *how)
{
	char self[] = "/proc/self/exe", inner_word[] = "inner", word[32];
	char *argv[] = {self, inner_word, word, NULL};
	struct child child;

	snprintf(word, sizeof(word), "%s", how);
	child_exec(&child, argv, getenv("ASHLAR_CONF"));
	EXPECT(child_code(&child) == 42, "%s: code %d, '%s'", how,
	       child_code(&child), child.text);
}

static void after_main(void)
{
	expect_end("main");
}

static void exit_by_thread(void)
{
	expect_end("thread");
}

static void main_thread_ends_first(void)
{
	expect_end("main_ends");
}

static void exit_among_busy_threads(void)
{
	int i;

	for (i = 0; i < 10; i++)
		expect_end("busy");
}

static const struct ktap_test tests[] = {
	{"before_main", before_main},
	{"after_main", after_main},
	{"exit_by_thread", exit_by_thread},
	{"main_thread_ends_first", main_thread_ends_first},
	{"exit_among_busy_threads", exit_among_busy_threads},
	{},
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "inner"))
		return inner(argv[2]);
	return ktap_main(tests, argc, argv);
}
