// SPDX-License-Identifier: MIT
/*
 * atfork.c - handlers of fork that allocate, of a library that is initialised
 * before anything has allocated (atfork_early.c).
 */
#include "ktap.h"
#include "testlib.h"

#include <sys/wait.h>

int atfork_early_runs(void);

static void early_handlers_may_allocate(void)
{
	int status = -1;
	pid_t pid;

	alarm(20); /* the parent is what would hang */
	pid = fork();
	if (!pid) {
		alarm(20);
		free(malloc(100000));
		_exit(atfork_early_runs() == 2 ? 0 : 1);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && !status, "status %#x",
	       status);
	EXPECT_EQ(2, atfork_early_runs());
	alarm(0);
}

static const struct ktap_test tests[] = {
	{"early_handlers_may_allocate", early_handlers_may_allocate},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
