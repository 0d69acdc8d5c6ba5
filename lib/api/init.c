// SPDX-License-Identifier: MIT
/*
 * Start and end of the process, and Ashlar's own calls.
 */
#include <ashlar/ashlar.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "api/api.h"
#include "heap/background.h"
#include "heap/hard.h"
#include "heap/notify.h"
#include "heap/process.h"
#include "heap/quarantine.h"
#include "heap/stats.h"
#include "heap/thread.h"
#include "os/fd.h"
#include "os/sys.h"
#include "rt/conf.h"
#include "rt/print.h"

/*
 * Standard error as it was at the start: programs that close it at their end
 * (GNU coreutils do) have statistics printed all the same.
 */
static struct os_fd kept_stderr = OS_FD_NONE;

static const char *env_options(void)
{
	const char *env = secure_getenv("ASHLAR_CONF");

	return env ? env : "";
}

/* Is statistics' text asked for?  @envp is known before libc has it. */
static bool wants_text(char **envp)
{
	static const char name[] = "ASHLAR_CONF=";

	for (; *envp; envp++)
		if (!strncmp(*envp, name, sizeof(name) - 1))
			return strstr(*envp, "stats_print");
	return false;
}

/*
 * The first of all constructors: the shared library is linked with -z initfirst,
 * so this runs before libc's own.
 */
static __attribute__((constructor(101))) void start(int argc, char **argv,
						    char **envp)
{
	(void)argc;
	(void)argv;
	process_watch_forks();
	/* Options are read later, with the first allocation. */
	if (wants_text(envp) && !getauxval(AT_SECURE))
		os_fd_keep(&kept_stderr, 2);
}

/* conf.stats_json with %p replaced. */
static void json_path(char *buf, size_t len)
{
	struct print p;

	print_to_buf(&p, buf, len);
	for (const char *at = conf.stats_json; *at; at++) {
		if (at[0] == '%' && at[1] == 'p') {
			print_u64(&p, os_getpid());
			at++;
		} else {
			print_mem(&p, at, 1);
		}
	}
}

static void write_json(void)
{
	char path[CONF_STR_MAX + 32], buf[1024];
	struct stats s;
	struct print p;
	int fd;

	json_path(path, sizeof(path));
	fd = os_open(path, O_WRONLY | O_CREAT | O_TRUNC);
	if (fd < 0) {
		print_error_parts("stats_json: can't write ", path,
				  "; name a file in a writable directory");
		return;
	}
	stats_gather(&s);
	print_to_fd(&p, fd, buf, sizeof(buf));
	stats_print_json(&p, &s);
	print_flush(&p);
	os_close(fd);
}

static void print_stats(void)
{
	char buf[1024];
	struct stats s;
	struct print p;
	int fd = 2;

	if (!os_fd_is_open(2) && os_fd_is_ours(&kept_stderr))
		fd = kept_stderr.fd;
	stats_gather(&s);
	print_to_fd(&p, fd, buf, sizeof(buf));
	stats_print_text(&p, &s);
	print_flush(&p);
}

/* A program that has allocated nothing has read no options so far. */
static __attribute__((destructor)) void stop(void)
{
	if (*env_options())
		process_init();
	if (conf.stats_json[0])
		write_json();
	if (conf.stats_print)
		print_stats();
	/* What was written to and has not left is found here at the latest. */
	if (hard_is_on())
		quarantine_drain();
}

API const char *ashlar_version(void)
{
	return ASHLAR_VERSION;
}

API size_t ashlar_stats_json(char *buf, size_t len)
{
	struct stats s;
	struct print p;

	if (!len || !process_init())
		return 0;
	stats_gather(&s);
	print_to_buf(&p, buf, len);
	stats_print_json(&p, &s);
	return p.at;
}

API void ashlar_purge(void)
{
	if (process_init())
		process_purge_all();
}

API int ashlar_thread_node(int node)
{
	return process_init() ? -thread_set_node(&tcache, node) : ENOMEM;
}

API int ashlar_pressure_register(void (*fn)(void *arg), void *arg)
{
	int err;

	if (!process_init())
		return ENOMEM;
	if (conf.background_thread == BACKGROUND_OFF)
		return EOPNOTSUPP;
	err = notify_add(fn, arg);
	if (!err && !background_watch()) {
		notify_remove(fn, arg);
		return EAGAIN;
	}
	return -err;
}

API int ashlar_pressure_unregister(void (*fn)(void *arg), void *arg)
{
	return -notify_remove(fn, arg);
}
