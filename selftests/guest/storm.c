// SPDX-License-Identifier: MIT
/*
 * Everything at once, in a loop: fault, discard, fork, exec, munmap, mprotect,
 * SIGKILL, drain, unload.
 *
 *	storm [CYCLES]		each takes some milliseconds
 *
 * In the end the pool's invariant balances and the kernel is sound.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "guest.h"
#include "ktap.h"

#define NR 4

static int nr_cycles = 100;

static void one_process(unsigned int seed)
{
	char *p = try_map_region(NR * HUNK);
	int i, nr = rand_r(&seed) % 24;
	pid_t pid;

	if (!p)		/* draining */
		_exit(0);
	for (i = 0; i < nr; i++) {
		char *at = p + rand_r(&seed) % NR * HUNK;

		switch (rand_r(&seed) % 8) {
		case 0:
			do_discard(at, HUNK, NULL);
			break;
		case 1:
			mprotect(at + 4096, 4096, PROT_READ);
			mprotect(at + 4096, 4096, PROT_READ | PROT_WRITE);
			break;
		case 2:
			pid = fork();
			if (!pid) {
				at[rand_r(&seed) % HUNK] = 2;
				if (seed & 64)
					execl("/bin/true", "true", NULL);
				_exit(0);
			}
			if (pid > 0 && seed & 128)
				kill(pid, SIGKILL);
			break;
		case 3:
			do_populate(at, HUNK, 0, NULL);
			break;
		case 4:
			do_remap(at, HUNK);
			break;
		case 5:
			munmap(at, HUNK);
			if (mmap(at, HUNK, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, dev, 0) != at)
				_exit(0);
			break;
		default:
			at[rand_r(&seed) % HUNK] = 1;
			break;
		}
	}
	while (wait(NULL) > 0)
		;
	_exit(0);
}

static int unload_and_load(void)
{
	int err, try;

	close(dev);
	for (try = 0; try < 500; try++) {
		err = module_unload();
		if (err != -EWOULDBLOCK && err != -EAGAIN)
			break;
		usleep(10000);
	}
	if (!err)
		err = module_load("", "");
	dev_open();
	return err;
}

static void storm(void)
{
	unsigned int seed = 7;
	pid_t pid[3];
	int cycle, i;

	for (cycle = 0; cycle < nr_cycles; cycle++) {
		for (i = 0; i < 3; i++) {
			pid[i] = fork();
			if (!pid[i])
				one_process(seed + i);
		}
		if (cycle % 10 == 3)
			write_file(ASHLAR_SYSFS "drain", "%d", 1);
		usleep(rand_r(&seed) % 8000);
		if (cycle % 10 == 3)
			write_file(ASHLAR_SYSFS "drain", "%d", 0);
		if (cycle % 3 == 0)
			kill(pid[cycle / 3 % 3], SIGKILL);
		for (i = 0; i < 3; i++)
			wait_child(pid[i]);
		if (cycle % 50 == 49)
			EXPECT_EQ(0, unload_and_load());
	}
	EXPECT(wait_for(balanced, NULL, 20000),
	       "mapped %lld parked %lld small %lld regions %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       stat_now("regions"), read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "storm", storm },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	if (argc > 1)
		nr_cycles = atoi(argv[1]);
	dev_open();
	return ktap_main(tests, 1, argv);
}
