// SPDX-License-Identifier: MIT
/*
 * snapshot.c - transparent huge pages after a fork: while the child lives what
 * the parent writes is split, and stays so, since a collapse would copy what both
 * share; once the child has gone it becomes huge again.
 */
#include "ktap.h"
#include "testlib.h"

#include <sys/wait.h>
#include <time.h>

#define OBJECT 2048
#define FILL (192u << 20)
#define NR_OBJECTS (FILL / OBJECT)
/* The kernel's own thread would need minutes for it. */
#define PATIENCE_S 20
#define CHILD_S 3

static char *objects[NR_OBJECTS];

static long long huge_mib(void)
{
	return ashlar_stat("huge") >> 20;
}

static void rest(long ms)
{
	const struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

static pid_t child_that_waits(int *ret_fd)
{
	int fds[2];
	pid_t pid;
	char c;

	if (pipe(fds))
		_exit(2);
	pid = fork();
	if (!pid) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) ? 1 : 0);
	}
	close(fds[0]);
	*ret_fd = fds[1];
	return pid;
}

static int huge_again(void)
{
	long long full, split, later;
	int i, fd, status = -1;
	pid_t pid;

	for (i = 0; i < (int)NR_OBJECTS; i++) {
		objects[i] = malloc(OBJECT);
		if (!objects[i])
			return 2;
		memset(objects[i], i, OBJECT);
	}
	full = huge_mib();
	if (full < (FILL >> 20) / 10 * 8) {
		dprintf(2, "only %lld MiB huge\n", full);
		return 3;
	}
	pid = child_that_waits(&fd);
	for (i = 0; i < (int)NR_OBJECTS; i += 64)
		objects[i][0]++;
	split = huge_mib();
	rest(CHILD_S * 1000);
	later = huge_mib();
	close(fd);
	if (waitpid(pid, &status, 0) != pid || status)
		return 4;
	dprintf(2, "%lld MiB huge, %lld written under a child, %lld %d s later\n",
		full, split, later, CHILD_S);
	if (split > full / 2)
		return 5;
	if (later > split + full / 10)
		return 6;
	for (i = 0; i < PATIENCE_S * 10 && huge_mib() < full * 95 / 100; i++)
		rest(100);
	dprintf(2, "%lld MiB huge %d ms after the child\n", huge_mib(), i * 100);
	for (i = 0; i < (int)NR_OBJECTS; i++)
		if (objects[i][1] != (char)i)
			return 7;
	return huge_mib() < full * 95 / 100;
}

static const struct inner inners[] = {
	{"huge_again", huge_again},
	{},
};

static void after_a_child(void)
{
	struct child child;
	char *line, *text = child.text;

	if (!is_ashlar()) {
		ktap_skip("libc knows nothing of huge pages");
		return;
	}
	inner_exec(&child, "huge_again",
		   "backend:thp,thp_start:0,pressure:off,background_thread:on");
	if (child_code(&child) == 3) {
		ktap_skip("no transparent huge pages here: see /sys/kernel/mm/"
			  "transparent_hugepage/enabled");
		return;
	}
	while ((line = strsep(&text, "\n")))
		if (*line)
			printf("# %s\n", line);
	EXPECT(child_code(&child) == 0, "exit code %d", child_code(&child));
}

static const struct ktap_test tests[] = {
	{"after_a_child", after_a_child},
	{},
};

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "inner"))
		return inner_run(inners, argv[2]);
	return ktap_main(tests, argc, argv);
}
