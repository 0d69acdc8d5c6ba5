// SPDX-License-Identifier: MIT
/*
 * Start and end of the process, and Ashlar's own calls.
 */
#include <ashlar/ashlar.h>
#include <fcntl.h>
#include <pthread.h>

#include "api/api.h"
#include "heap/process.h"
#include "heap/stats.h"
#include "os/sys.h"
#include "rt/conf.h"
#include "rt/print.h"

/*
 * Early among the constructors, so that handlers registered later run before
 * ours at a fork: theirs may allocate.
 */
static __attribute__((constructor(101))) void start(void)
{
	pthread_atfork(process_before_fork, process_after_fork_parent,
		       process_after_fork_child);
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

static __attribute__((destructor)) void stop(void)
{
	char buf[1024];
	struct stats s;
	struct print p;

	if (conf.stats_json[0])
		write_json();
	if (!conf.stats_print)
		return;
	stats_gather(&s);
	print_to_fd(&p, 2, buf, sizeof(buf));
	stats_print_text(&p, &s);
	print_flush(&p);
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
