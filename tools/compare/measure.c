// SPDX-License-Identifier: MIT
/*
 * Runs a command and writes what it cost, one JSON object, to a file.
 *
 * It is a program of its own because a process inherits the peak resident
 * size of whoever started it (the kernel keeps the figure across exec): under
 * a Python interpreter every small command would seem to need that
 * interpreter's memory. This one needs a few hundred kilobytes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static double seconds(struct timeval tv)
{
	return tv.tv_sec + tv.tv_usec / 1e6;
}

/*
 * The command's environment, LD_PRELOAD above all, is for it alone: it comes
 * as leading VAR=VALUE arguments and is set between fork and exec.
 */
static void run(char **argv)
{
	for (; *argv && strchr(*argv, '='); argv++)
		putenv(*argv);
	if (!*argv)
		_exit(127);
	execvp(*argv, argv);
	dprintf(STDERR_FILENO, "measure: %s: %s\n", *argv, strerror(errno));
	_exit(127);
}

int main(int argc, char **argv)
{
	struct rusage use;
	double start_s, wall_s;
	int status;
	pid_t pid;
	FILE *out;

	if (argc < 3) {
		fputs("usage: measure OUTPUT [VAR=VALUE...] COMMAND...\n",
		      stderr);
		return 2;
	}
	out = fopen(argv[1], "we");
	if (!out) {
		fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	start_s = now_s();
	pid = fork();
	if (pid == 0)
		run(argv + 2);
	if (pid < 0 || wait4(pid, &status, 0, &use) != pid) {
		fprintf(stderr, "measure: %s\n", strerror(errno));
		return 1;
	}
	wall_s = now_s() - start_s;
	fprintf(out,
		"{\"status\": %d, \"wall_s\": %.6f, \"user_s\": %.6f, "
		"\"kernel_s\": %.6f, \"cpu_s\": %.6f, \"peak_rss\": %ld, "
		"\"faults\": %ld, \"major_faults\": %ld}\n",
		WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status),
		wall_s, seconds(use.ru_utime), seconds(use.ru_stime),
		seconds(use.ru_utime) + seconds(use.ru_stime),
		use.ru_maxrss << 10, use.ru_minflt + use.ru_majflt,
		use.ru_majflt);
	return fclose(out) ? 1 : 0;
}
