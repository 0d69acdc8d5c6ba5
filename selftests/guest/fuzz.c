// SPDX-License-Identifier: MIT
/*
 * A fuzzer of ioctl, mmap and friends, for a bounded time.
 *
 *	fuzz [SECONDS [SEED]]
 *
 * Half of the arguments are good, a quarter nearly, a quarter random. Nothing
 * is expected of a single call; in the end the kernel is sound (the harness
 * looks), and everything is given back.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest.h"
#include "ktap.h"

#define NR_REGIONS 3
#define NR_HUNKS 6

static int seconds = 15;
static unsigned int first_seed = 1;
static char *regions[NR_REGIONS];
static char *scratch;

static uint64_t random64(unsigned int *seed)
{
	return (uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed) << 11 ^
	       rand_r(seed);
}

static uint64_t random_addr(unsigned int *seed)
{
	uint64_t addr = (uintptr_t)regions[rand_r(seed) % NR_REGIONS] +
			rand_r(seed) % NR_HUNKS * HUNK;

	switch (rand_r(seed) % 8) {
	case 0:
		return random64(seed);
	case 1:
		return addr + rand_r(seed) % 4096 * 512;
	case 2:
		return (uintptr_t)scratch;
	default:
		return addr;
	}
}

static uint64_t random_len(unsigned int *seed)
{
	switch (rand_r(seed) % 8) {
	case 0:
		return random64(seed);
	case 1:
		return rand_r(seed) % 8192;
	default:
		return (rand_r(seed) % 3 + 1) * HUNK;
	}
}

static uint64_t random_word(unsigned int *seed)
{
	switch (rand_r(seed) % 6) {
	case 0:
		return random64(seed);
	case 1:
		return random_addr(seed);
	case 2:
		return rand_r(seed) % 64;
	case 3:
		return (uintptr_t)scratch + rand_r(seed) % 4096;
	default:
		return 0;
	}
}

static void random_call(unsigned int *seed)
{
	static const uint16_t sizes[] = {
		[ASHLAR_CMD_INFO] = sizeof(struct ashlar_info),
		[ASHLAR_CMD_STATS] = sizeof(struct ashlar_stats),
		[ASHLAR_CMD_QUERY] = sizeof(struct ashlar_query),
		[ASHLAR_CMD_DISCARD] = sizeof(struct ashlar_discard),
		[ASHLAR_CMD_POPULATE] = sizeof(struct ashlar_populate),
		[ASHLAR_CMD_FOLD] = sizeof(struct ashlar_fold),
		[ASHLAR_CMD_COLLAPSE] = sizeof(struct ashlar_collapse),
		[ASHLAR_CMD_TICKET] = sizeof(struct ashlar_ticket),
		[ASHLAR_CMD_UNSHARE] = sizeof(struct ashlar_unshare),
		[ASHLAR_CMD_BREAK] = sizeof(struct ashlar_break),
		[ASHLAR_CMD_MOVE] = sizeof(struct ashlar_move),
		[ASHLAR_CMD_POLICY] = sizeof(struct ashlar_policy),
		[ASHLAR_CMD_QUOTA] = sizeof(struct ashlar_quota),
		[ASHLAR_CMD_HINTS] = sizeof(struct ashlar_hints),
	};
	unsigned int nr = rand_r(seed) % (sizeof(sizes) / sizeof(*sizes));
	uint64_t arg[48] = { 0 };
	uint32_t *head = (uint32_t *)arg;
	unsigned int i, flags = rand_r(seed) % 4 ? 0 : rand_r(seed) % 16;

	for (i = 3; i < sizes[nr] / 8U; i++)
		arg[i] = random_word(seed);
	arg[1] = random_addr(seed);
	arg[2] = random_len(seed);
	head[0] = rand_r(seed) % 8 ? sizes[nr] : rand_r(seed) % 400;
	head[1] = rand_r(seed) % 16 ? flags : (uint32_t)rand_r(seed);
	/* A quota would stop all the rest. */
	if (nr == ASHLAR_CMD_QUOTA)
		head[1] = 0;
	ioctl(dev, _IO(ASHLAR_IOC_TYPE, nr), arg);
}

static void random_touch(unsigned int *seed)
{
	char *p = regions[rand_r(seed) % NR_REGIONS] +
		  rand_r(seed) % (NR_HUNKS * HUNK);

	touch_signal(p, rand_r(seed) & 1);
}

static void random_vm(unsigned int *seed)
{
	void *addr = regions[rand_r(seed) % NR_REGIONS] +
		     rand_r(seed) % (NR_HUNKS * 512) * 4096UL;
	size_t len = (rand_r(seed) % 1024 + 1) * 4096UL;
	int advice = rand_r(seed) % 26;

	switch (rand_r(seed) % 6) {
	case 0:
		mprotect(addr, len, rand_r(seed) % 4);
		break;
	case 1:
		/* Poisoning memory is for keeps; 100 and 101 are not here. */
		madvise(addr, len, advice);
		break;
	case 2:
		mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED |
		       (rand_r(seed) & 4), scratch + HUNK);
		break;
	case 3:
		mprotect(addr, len, PROT_READ | PROT_WRITE);
		break;
	case 4:
		syscall(SYS_mbind, addr, len, rand_r(seed) % 5, &(long){ 3 },
			64UL, rand_r(seed) % 8);
		break;
	default:
		munmap(addr, rand_r(seed) % 8 ? 0 : len);
		break;
	}
}

static void remake(unsigned int *seed)
{
	int i = rand_r(seed) % NR_REGIONS;
	char *p = mmap(regions[i], NR_HUNKS * HUNK, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, dev, 0);

	if (p != MAP_FAILED)
		regions[i] = p;
}

static void fuzz_process(unsigned int seed, int depth, time_t end)
{
	pid_t pid;

	while (time(NULL) < end) {
		switch (rand_r(&seed) % 16) {
		case 0:
			random_vm(&seed);
			break;
		case 1:
			if (!(rand_r(&seed) % 16))
				remake(&seed);
			break;
		case 2:
			if (depth > 2 || rand_r(&seed) % 32)
				break;
			pid = fork();
			if (!pid) {
				fuzz_process(seed * 7 + 1, depth + 1,
					     time(NULL) + 2);
				_exit(0);
			}
			if (pid > 0 && rand_r(&seed) % 2)
				kill(pid, SIGKILL);
			break;
		case 3 ... 8:
			random_touch(&seed);
			break;
		default:
			random_call(&seed);
			break;
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	while (wait(NULL) > 0)
		;
}

static void fuzz(void)
{
	unsigned int seed;
	pid_t pid[2];
	int i, status;

	printf("# seed %u, %d seconds\n", first_seed, seconds);
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		seed = first_seed + i;
		scratch = mmap(NULL, 8 * HUNK, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (i = 0; i < NR_REGIONS; i++)
			regions[i] = map_region(NR_HUNKS * HUNK);
		fuzz_process(seed, 0, time(NULL) + seconds);
		_exit(0);
	}
	for (i = 0; i < 2; i++) {
		status = wait_child(pid[i]);
		EXPECT(!status, "fuzzer ended with status %#x", status);
	}
	EXPECT(wait_for(balanced, NULL, 20000),
	       "mapped %lld parked %lld small %lld regions %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       stat_now("regions"), read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "fuzz", fuzz },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	if (argc > 1)
		seconds = atoi(argv[1]);
	if (argc > 2)
		first_seed = atoi(argv[2]);
	dev_open();
	set_pools(8);
	return ktap_main(tests, 1, argv);
}
