// SPDX-License-Identifier: MIT
/*
 * pressure.c - hearing of memory pressure, from a FIFO that stands for the
 * kernel: what is free goes back, registered functions are called from another
 * thread and may do what they like, an unregistration waits for the call.
 *
 * Each case is this program again ("inner NAME") under its own ASHLAR_CONF.
 * Only Ashlar has this: under any other malloc all is skipped.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <ashlar/ashlar.h>

#define MIB ((size_t)1 << 20)

/* There when the malloc under test is Ashlar's. */
extern __typeof__(ashlar_pressure_register) ashlar_pressure_register
	__attribute__((weak));
extern __typeof__(ashlar_stats_json) ashlar_stats_json __attribute__((weak));
extern __typeof__(ashlar_pressure_unregister) ashlar_pressure_unregister
	__attribute__((weak));

static const char *fifo;

static int fail(int code, const char *what, long long saw)
{
	fprintf(stderr, "%s (%lld, errno %d)\n", what, saw, errno);
	return code;
}

static void nap(void)
{
	struct timespec pause = {0, 10000000};

	nanosleep(&pause, NULL);
}

/* One sign of pressure, as the kernel would give it. */
static void press(void)
{
	int fd = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || write(fd, "!", 1) < 0)
		fail(0, "FIFO", fd);
	close(fd);
}

/* Signs until the counter has come to @want: one may fall into the time in
 * which the library has just reacted. A minute at most.
 */
static int press_until(atomic_int *counter, int want)
{
	int i;

	for (i = 0; i < 6000 && *counter < want; i++) {
		if (i % 20 == 0)
			press();
		nap();
	}
	return *counter >= want;
}

static void count(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

/* Memory that would stay for ever goes back; both functions are called. */
static int inner_reaction(void)
{
	static void *p[3000];
	atomic_int first = 0, second = 0;
	long long before;
	int i;

	for (i = 0; i < 3000; i++)
		pattern_fill(p[i] = malloc(20000), 20000, 1);
	if (ashlar_pressure_register(count, &first) ||
	    ashlar_pressure_register(count, &second))
		return fail(2, "register", 0);
	for (i = 0; i < 3000; i++)
		free(p[i]);
	before = ashlar_stat("purged");
	if (before > 10 * (long long)MIB)
		return fail(3, "purged without pressure", before);
	if (!press_until(&first, 1) || !press_until(&second, 1))
		return fail(4, "not called", first);
	for (i = 0; i < 6000 && ashlar_stat("purged") < 50 * (int)MIB; i++) {
		free(malloc(100000));
		nap();
	}
	if (ashlar_stat("purged") < 50 * (int)MIB)
		return fail(5, "not purged", ashlar_stat("purged"));
	if (ashlar_stat("pressure_events") < 1 ||
	    ashlar_stat("pressure_calls") < 2)
		return fail(6, "not counted", ashlar_stat("pressure_events"));
	if (ashlar_pressure_unregister(count, &first) ||
	    ashlar_pressure_unregister(count, &second))
		return fail(7, "unregister", 0);
	return 0;
}

static atomic_int nr_inside;

/* All that a function is promised to be able to do. */
static void busy(void *arg)
{
	void *p = malloc(3000), *q = calloc(1, 3 << 20);
	int ret;

	(void)arg;
	p = realloc(p, 300000);
	if (!p || !q)
		abort();
	free(p);
	free(q);
	ret = ashlar_pressure_register(count, &nr_inside);
	if (ret && ret != EEXIST)
		abort();
	/* Itself, too. */
	if (ashlar_pressure_unregister(busy, NULL))
		abort();
	if (ashlar_pressure_unregister(busy, NULL) != ENOENT)
		abort();
}

static int inner_busy(void)
{
	if (ashlar_pressure_register(busy, NULL))
		return fail(2, "register", 0);
	if (!press_until(&nr_inside, 2))
		return fail(3, "the function's own was not called", nr_inside);
	if (ashlar_pressure_unregister(count, &nr_inside))
		return fail(4, "unregister", 0);
	return 0;
}

static struct {
	atomic_int is_in, may_go, is_out;
	atomic_bool has_returned;
	int ret, was_out;
} slow;

static void slow_fn(void *arg)
{
	(void)arg;
	slow.is_in = 1;
	while (!slow.may_go)
		nap();
	slow.is_out = 1;
}

static void *unregister_slow(void *arg)
{
	slow.ret = ashlar_pressure_unregister(slow_fn, NULL);
	slow.was_out = slow.is_out;
	slow.has_returned = true;
	return arg;
}

static int inner_wait(void)
{
	pthread_t thread;
	int i;

	if (ashlar_pressure_register(slow_fn, NULL))
		return fail(2, "register", 0);
	if (!press_until(&slow.is_in, 1))
		return fail(3, "not called", 0);
	if (pthread_create(&thread, NULL, unregister_slow, NULL))
		return fail(4, "pthread_create", 0);
	for (i = 0; i < 20; i++)
		nap();
	if (slow.has_returned)
		return fail(5, "returned while the function ran", 0);
	slow.may_go = 1;
	pthread_join(thread, NULL);
	if (slow.ret || !slow.was_out)
		return fail(6, "returned before the function", slow.ret);
	return 0;
}

static int inner_errors(void)
{
	static atomic_int args[33];
	int i;

	if (ashlar_pressure_register(NULL, NULL) != EINVAL)
		return fail(2, "NULL registered", 0);
	if (ashlar_pressure_unregister(count, NULL) != ENOENT ||
	    ashlar_pressure_unregister(NULL, NULL) != ENOENT)
		return fail(3, "unregistered what was not", 0);
	for (i = 0; i < 32; i++)
		if (ashlar_pressure_register(count, &args[i]))
			return fail(4, "register", i);
	if (ashlar_pressure_register(count, &args[7]) != EEXIST)
		return fail(5, "registered twice", 0);
	if (ashlar_pressure_register(count, &args[32]) != ENOSPC)
		return fail(6, "one too many registered", 0);
	for (i = 0; i < 32; i++)
		if (ashlar_pressure_unregister(count, &args[i]))
			return fail(7, "unregister", i);
	return 0;
}

static int inner_no_thread(void)
{
	int ret = ashlar_pressure_register(count, NULL);

	return ret == EOPNOTSUPP ? 0 : fail(2, "register", ret);
}

/* The soft limit calls, too. */
static int inner_soft(void)
{
	static void *p[3000];
	atomic_int nr = 0;
	int i;

	if (ashlar_pressure_register(count, &nr))
		return fail(2, "register", 0);
	for (i = 0; i < 3000; i++)
		p[i] = malloc(20000);
	for (i = 0; i < 6000 && !nr; i++)
		nap();
	if (!nr)
		return fail(3, "not called", 0);
	for (i = 0; i < 3000; i++)
		free(p[i]);
	return ashlar_pressure_unregister(count, &nr);
}

static atomic_bool stop;

static void *register_all_the_time(void *arg)
{
	atomic_int mine = 0;

	while (!stop) {
		if (ashlar_pressure_register(count, &mine))
			return arg;
		free(malloc(5000));
		if (ashlar_pressure_unregister(count, &mine))
			return arg;
	}
	/* Nobody calls it any more: the stack may go. */
	return NULL;
}

/* Threads that come and go, forks among them, and pressure all the time. */
static int inner_storm(void)
{
	pthread_t threads[3];
	atomic_int mine = 0;
	int i, status, code = 0;
	void *ret;

	if (ashlar_pressure_register(count, &mine))
		return fail(2, "register", 0);
	for (i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, register_all_the_time,
				   "failed"))
			return fail(3, "pthread_create", i);
	for (i = 0; i < 10 && !code; i++) {
		pid_t pid;

		if (!press_until(&mine, i + 1))
			code = fail(4, "not called", mine);
		pid = fork();
		if (!pid) {
			alarm(60);
			_exit(ashlar_pressure_unregister(count, &mine));
		}
		waitpid(pid, &status, 0);
		if (status)
			code = fail(5, "child", status);
	}
	stop = true;
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], &ret);
		if (ret)
			code = fail(6, "register or unregister", i);
	}
	return code ? code : ashlar_pressure_unregister(count, &mine);
}

/* A child has the functions, and a thread that calls them once it allocates. */
static int inner_fork(void)
{
	static atomic_int mine;
	int status = -1, i;
	pid_t pid;

	if (ashlar_pressure_register(count, &mine))
		return fail(2, "register", 0);
	pid = fork();
	if (!pid) {
		alarm(100);
		for (i = 0; i < 20000; i++)
			*(void **)malloc(1000) = NULL;
		_exit(press_until(&mine, 1) ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	return status ? fail(4, "child", status) :
			ashlar_pressure_unregister(count, &mine);
}

/* Until the thread has looked for a source. */
static int wait_for_source(void)
{
	static char text[16384];
	int i, j;

	for (i = 0; i < 6000; i++) {
		ashlar_stats_json(text, sizeof(text));
		if (!strstr(text, "\"not watched"))
			return 0;
		for (j = 0; j < 64; j++) /* something to look for work at */
			free(malloc(1 << 20));
		nap();
	}
	return fail(3, "no source looked for", 0);
}

/* At once, and the thread stays, since it is wanted. */
static int inner_watch(void)
{
	if (ashlar_pressure_register(count, NULL))
		return fail(2, "register", 0);
	return wait_for_source();
}

/* Nobody has asked for it: after a while. */
static int inner_unasked(void)
{
	return wait_for_source();
}

static const struct {
	const char *name;
	int (*run)(void);
} inners[] = {
	{"reaction", inner_reaction}, {"busy", inner_busy},
	{"wait", inner_wait},	      {"errors", inner_errors},
	{"no_thread", inner_no_thread}, {"soft", inner_soft},
	{"storm", inner_storm},	      {"fork", inner_fork},
	{"watch", inner_watch},	      {"unasked", inner_unasked},
};

static int inner(const char *name, const char *path)
{
	unsigned int i;

	fifo = path;
	for (i = 0; i < sizeof(inners) / sizeof(*inners); i++)
		if (!strcmp(name, inners[i].name))
			return inners[i].run();
	return 99;
}

static bool skipped(void)
{
	if (!is_ashlar())
		ktap_skip("not running under libashlar");
	return !is_ashlar();
}

static void run(struct child *child, const char *name, const char *path,
		const char *conf)
{
	char self[] = "/proc/self/exe", word[] = "inner", which[32], at[64];
	char *argv[] = {self, word, which, at, NULL};

	snprintf(which, sizeof(which), "%s", name);
	snprintf(at, sizeof(at), "%s", path);
	child_exec(child, argv, conf);
}

/* With a FIFO as the source, its path added to @conf. */
static void expect_inner(const char *name, const char *conf)
{
	char dir[] = "/tmp/ashlar-pressure-XXXXXX", path[64], full[256];
	struct child child;

	if (skipped() || !EXPECT(mkdtemp(dir), "errno %d", errno))
		return;
	snprintf(path, sizeof(path), "%s/fifo", dir);
	EXPECT(!mkfifo(path, 0600), "errno %d", errno);
	snprintf(full, sizeof(full), "%s,pressure:%s", conf, path);
	run(&child, name, path, full);
	EXPECT(!child_code(&child), "code %d for %s under %s: %s",
	       child_code(&child), name, full, child.text);
	unlink(path);
	rmdir(dir);
}

static void reaction(void)
{
	expect_inner("reaction", "dirty_decay_ms:-1");
	expect_inner("reaction", "dirty_decay_ms:-1,backend:plain,"
				 "background_thread:on");
}

static void function_may_do_anything(void)
{
	expect_inner("busy", "dirty_decay_ms:1000");
}

static void unregister_waits(void)
{
	expect_inner("wait", "dirty_decay_ms:1000");
}

static void errors(void)
{
	expect_inner("errors", "dirty_decay_ms:1000");
	expect_inner("no_thread", "background_thread:off");
}

static void soft_limit(void)
{
	expect_inner("soft", "soft_limit:16M");
}

static void storm(void)
{
	expect_inner("storm", "dirty_decay_ms:100");
}

static void in_child(void)
{
	if (is_sanitized()) {
		ktap_skip("the sanitizer allows no thread after a fork");
		return;
	}
	expect_inner("fork", "dirty_decay_ms:1000");
}

/* The child has looked for the kernel's source, and says what came of it. */
static void expect_kernel_source(const char *name, const char *conf)
{
	struct child child;

	run(&child, name, "", conf);
	EXPECT(strstr(child.text, "pressure_source: PSI /") ||
	       strstr(child.text, "pressure_source: none, /"), "%s",
	       child.text);
}

/* What is watched is said; what can't be is named. */
static void sources(void)
{
	char path[] = "/tmp/ashlar-pressure-XXXXXX", conf[128], text[16] = "";
	struct child child;
	int fd;

	if (skipped())
		return;
	run(&child, "watch", "", "pressure:off,stats_print:1");
	EXPECT(strstr(child.text, "pressure_source: off"), "%s", child.text);
	expect_kernel_source("watch", "stats_print:1");
	expect_kernel_source("unasked", "background_thread:on,stats_print:1");
	run(&child, "watch", "", "pressure:/nonexistent/x,stats_print:1");
	EXPECT(strstr(child.text, "can't watch /nonexistent/x (ENOENT)") &&
	       strstr(child.text, "none, /nonexistent/x: ENOENT"), "%s",
	       child.text);
	/* An ordinary file is no source, and is not written to. */
	fd = mkstemp(path);
	if (!EXPECT(fd >= 0 && write(fd, "precious", 8) == 8, "errno %d",
		    errno))
		return;
	snprintf(conf, sizeof(conf), "pressure:%s,stats_print:1", path);
	run(&child, "watch", "", conf);
	EXPECT(strstr(child.text, "(EINVAL)"), "%s", child.text);
	EXPECT(pread(fd, text, 15, 0) == 8 && !strcmp(text, "precious"),
	       "'%s'", text);
	close(fd);
	unlink(path);
}

static const struct ktap_test tests[] = {
	{"reaction", reaction},
	{"function_may_do_anything", function_may_do_anything},
	{"unregister_waits", unregister_waits},
	{"errors", errors},
	{"soft_limit", soft_limit},
	{"storm", storm},
	{"in_child", in_child},
	{"sources", sources},
	{},
};

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "inner"))
		return inner(argv[2], argv[3]);
	return ktap_main(tests, argc, argv);
}
