// SPDX-License-Identifier: MIT
/*
 * testlib.c - see testlib.h. Uses no malloc of its own outside children, so
 * that it can be called wherever a test of malloc can.
 */
#include "testlib.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATTERN_WHOLE 4096
#define PATTERN_STRIDE 64

/* Weak: there when the malloc under test is Ashlar's, NULL otherwise. */
extern size_t ashlar_stats_json(char *buf, size_t len) __attribute__((weak));

bool is_ashlar(void)
{
	return ashlar_stats_json != NULL;
}

bool is_hardened(void)
{
	const char *conf = getenv("ASHLAR_CONF");

	return is_ashlar() && conf && strstr(conf, "harden:1");
}

int stay_on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

void ashlar_stats_text(char *buf, size_t len)
{
	buf[0] = '\0';
	if (ashlar_stats_json)
		ashlar_stats_json(buf, len);
}

long long ashlar_stat(const char *name)
{
	char text[16384], key[80];
	const char *at;

	if (!ashlar_stats_json)
		return -1;
	ashlar_stats_json(text, sizeof(text));
	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(text, key);
	return at ? strtoll(at + strlen(key), NULL, 10) : -1;
}

extern const char *__tsan_default_suppressions(void) __attribute__((weak));

bool is_sanitized(void)
{
	return __tsan_default_suppressions != NULL;
}

/* A test that was to run on Ashlar must not pass by running on another. */
__attribute__((constructor)) static void check_allocator(void)
{
	if (!getenv("TEST_WANTS_ASHLAR") || is_ashlar())
		return;
	puts("Bail out! expected Ashlar's malloc, saw another: not preloaded");
	exit(1);
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom generators). */
uint64_t rng_next(struct rng *rng)
{
	uint64_t z = (rng->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void rng_start(struct rng *rng)
{
	const char *text = getenv("TEST_SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	rng->state = (uint64_t)now.tv_sec * 1000000007u +
		     (uint64_t)now.tv_nsec + (uint64_t)getpid();
	if (text)
		rng->state = strtoull(text, NULL, 0);
	printf("# seed: TEST_SEED=%llu\n", (unsigned long long)rng->state);
}

struct rng rng_split(const struct rng *rng, unsigned int part)
{
	struct rng copy = {rng->state ^ (0xd1342543de82ef95ull * (part + 1))};

	rng_next(&copy);
	return copy;
}

size_t rng_size(struct rng *rng, size_t max)
{
	unsigned int nr_bits = 64 - (unsigned int)__builtin_clzll(max | 1);
	size_t top = (size_t)1 << rng_below(rng, nr_bits);
	size_t size = top + rng_below(rng, top);

	return size > max ? max : size;
}

unsigned int test_scale(void)
{
	const char *text = getenv("TEST_SCALE");
	int scale = text ? atoi(text) : 1;

	return scale > 0 ? (unsigned int)scale : 1;
}

static unsigned char pattern_byte(uint64_t id, size_t at)
{
	uint64_t z = (id + at) * 0x9e3779b97f4a7c15ull;

	return (unsigned char)(z >> 56) | 1;
}

/* The next offset that carries pattern after @at in a block of @len. */
static size_t pattern_next(size_t at, size_t len)
{
	if (len <= PATTERN_WHOLE || at < PATTERN_STRIDE)
		return at + 1;
	return at + PATTERN_STRIDE - at % PATTERN_STRIDE;
}

void pattern_fill(void *p, size_t len, uint64_t id)
{
	unsigned char *byte = p;
	size_t at;

	for (at = 0; at < len; at = pattern_next(at, len))
		byte[at] = pattern_byte(id, at);
	if (len)
		byte[len - 1] = pattern_byte(id, len - 1);
}

bool pattern_holds_part(const void *p, size_t part, size_t len, uint64_t id)
{
	const unsigned char *byte = p;
	size_t at;

	for (at = 0; at < part; at = pattern_next(at, len))
		if (byte[at] != pattern_byte(id, at))
			return false;
	return part < len || !len ||
	       byte[len - 1] == pattern_byte(id, len - 1);
}

bool pattern_holds(const void *p, size_t len, uint64_t id)
{
	return pattern_holds_part(p, len, len, id);
}

size_t first_nonzero(const void *p, size_t len)
{
	const unsigned char *byte = p;
	size_t at;

	for (at = 0; at < len; at++)
		if (byte[at])
			break;
	return at;
}

static void die(const char *what)
{
	fprintf(stderr, "testlib: %s: %s\n", what, strerror(errno));
	_exit(126);
}

/* Parent's half: read the child's stderr to its end, then reap it. */
static void child_collect(struct child *child, pid_t pid, int fd)
{
	size_t used = 0;
	ssize_t got;
	char drop[512];

	for (;;) {
		size_t room = sizeof(child->text) - 1 - used;

		got = read(fd, room ? child->text + used : drop,
			   room ? room : sizeof(drop));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		used += room ? (size_t)got : 0;
	}
	child->text[used] = '\0';
	close(fd);
	while (waitpid(pid, &child->status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
}

/* Return: 0 in the child, whose stderr is a pipe; its pid in the parent. */
static pid_t child_fork(int *ret_fd)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
	}
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

void child_call(struct child *child, int (*fn)(void *), void *arg)
{
	int fd;
	pid_t pid = child_fork(&fd);

	if (!pid) {
		int code = fn(arg);

		fflush(stdout);
		_exit(code);
	}
	child_collect(child, pid, fd);
}

void child_exec(struct child *child, char *const argv[], const char *conf)
{
	int fd, null;
	pid_t pid = child_fork(&fd);

	if (pid) {
		child_collect(child, pid, fd);
		return;
	}
	if (conf)
		setenv("ASHLAR_CONF", conf, 1);
	else
		unsetenv("ASHLAR_CONF");
	null = open("/dev/null", O_WRONLY);
	if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
		die("/dev/null");
	execvp(argv[0], argv);
	die(argv[0]);
}

int inner_run(const struct inner *inners, const char *name)
{
	for (; inners->name; inners++)
		if (!strcmp(name, inners->name))
			return inners->run();
	return 99;
}

void inner_exec(struct child *child, const char *name, const char *conf)
{
	char self[] = "/proc/self/exe", word[] = "inner", which[32];
	char *argv[] = {self, word, which, NULL};

	snprintf(which, sizeof(which), "%s", name);
	child_exec(child, argv, conf);
}

int child_code(const struct child *child)
{
	if (WIFSIGNALED(child->status))
		return -WTERMSIG(child->status);
	return WEXITSTATUS(child->status);
}

long proc_status_kib(const char *key)
{
	char text[8192], *at;
	ssize_t len;
	int fd;

	fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return -1;
	text[len] = '\0';
	at = strstr(text, key);
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}
