// SPDX-License-Identifier: MIT
/*
 * Runs a command and prints what it cost: wall and CPU time, peak resident
 * memory, faults. Small and static on purpose: the kernel lets a process
 * inherit its parent's peak across exec, so a runner of 12 MiB would hide
 * the peak of everything smaller.
 *
 *	measure [-c CPUS] [-n TIMES] [-w MIB] [-e NAME=VALUE]... -- COMMAND...
 *
 * -c pins the command to a list of CPUs (0,1,...), -n runs it TIMES times in
 * a row (times add up, the greatest peak counts), -w touches MIB of memory
 * and gives it back before the clock starts, so that a host that took free
 * memory away has returned it. The figures go to file descriptor 3.
 */
#include <errno.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { FIGURES_FD = 3, PAGE = 4096 };

struct figures {
	double wall;
	double user;
	double sys;
	long peak_kib;
	long minor_faults;
	int status;
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "measure: %s: %s\n", what, detail);
	exit(126);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static long number(const char *text, long least)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end != '\0' || value < least)
		die("expected a decimal number", text);
	return value;
}

static void pin(char *list)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (char *cpu = strtok(list, ","); cpu; cpu = strtok(NULL, ","))
		CPU_SET(number(cpu, 0), &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		die("cannot pin to the CPUs", strerror(errno));
}

static void touch_as(size_t len, int advice)
{
	char *memory = mmap(NULL, len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("cannot map memory to touch", strerror(errno));
	madvise(memory, len, advice); /* fails where there are no huge pages */
	for (size_t at = 0; at < len; at += PAGE)
		memory[at] = 1;
	munmap(memory, len);
}

/*
 * The kernel hands out small pages from other free lists than huge ones, so
 * both are touched; in a child of its own, as our own peak must stay small.
 */
static void touch(size_t mib)
{
	size_t len = mib << 20;
	pid_t pid = len == 0 ? -1 : fork();

	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (pid != 0)
		return;
	touch_as(len, MADV_NOHUGEPAGE);
	touch_as(len, MADV_HUGEPAGE);
	_exit(0);
}

static double seconds(struct timeval tv)
{
	return tv.tv_sec + tv.tv_usec * 1e-6;
}

static void run_once(char **argv, char **env, struct figures *sum)
{
	struct rusage usage;
	double start = now();
	pid_t pid;
	int err = posix_spawnp(&pid, argv[0], NULL, NULL, argv, env);

	if (err != 0)
		die(argv[0], strerror(err));
	if (wait4(pid, &sum->status, 0, &usage) != pid)
		die("wait4", strerror(errno));
	sum->wall += now() - start;
	sum->user += seconds(usage.ru_utime);
	sum->sys += seconds(usage.ru_stime);
	sum->minor_faults += usage.ru_minflt;
	if (usage.ru_maxrss > sum->peak_kib)
		sum->peak_kib = usage.ru_maxrss;
}

/* The command's environment: ours, and @extra, which ends with NULL. */
static char **join_env(char **extra)
{
	size_t nr = 0;
	size_t nr_extra = 0;
	char **env;

	while (environ[nr] != NULL)
		nr++;
	while (extra[nr_extra] != NULL)
		nr_extra++;
	env = calloc(nr + nr_extra + 1, sizeof(*env));
	if (env == NULL)
		die("environment", "out of memory");
	memcpy(env, environ, nr * sizeof(*env));
	memcpy(env + nr, extra, nr_extra * sizeof(*env));
	return env;
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct figures sum = {0};
	char *extra[argc + 1];
	int nr_extra = 0;
	long times = 1;
	long warm_mib = 0;
	int opt;

	while ((opt = getopt(argc, argv, "+c:n:w:e:")) != -1) {
		if (opt == 'c')
			pin(optarg);
		else if (opt == 'n')
			times = number(optarg, 1);
		else if (opt == 'w')
			warm_mib = number(optarg, 0);
		else if (opt == 'e')
			extra[nr_extra++] = optarg;
		else
			return 126;
	}
	extra[nr_extra] = NULL;
	if (optind == argc)
		die("no command", "see the head of measure.c");

	touch(warm_mib);
	for (long i = 0; i < times && sum.status == 0; i++)
		run_once(argv + optind, join_env(extra), &sum);
	dprintf(FIGURES_FD,
		"wall=%.6f\nuser=%.6f\nsys=%.6f\npeak_kib=%ld\nfaults=%ld\n",
		sum.wall, sum.user, sum.sys, sum.peak_kib, sum.minor_faults);
	return exit_status(sum.status);
}
