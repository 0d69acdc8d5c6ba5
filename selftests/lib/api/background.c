// SPDX-License-Identifier: MIT
/*
 * background.c - the background thread is there when it should be, and does not
 * keep a process alive; system calls that the program has forbidden itself do
 * no harm. Thread-local data of this program are large: a small
 * stack would not hold them.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { NOBODY = 65534, WAIT_MS = 20000, STEP_MS = 50 };

static __thread volatile char local_data[512 << 10];

/* So much is freed that there is cause to start the thread. */
static void work(void)
{
	enum { NR = 100, LEN = 1 << 20 };
	static void *blocks[NR];
	int i;

	for (i = 0; i < NR; i++) {
		blocks[i] = malloc(LEN);
		memset(blocks[i], 1, LEN);
	}
	for (i = 0; i < NR; i++)
		free(blocks[i]);
	free(malloc(LEN));
}

/* @nr: threads, with it */
static bool has_thread_soon(long nr)
{
	int ms;

	for (ms = 0; ms < WAIT_MS; ms += STEP_MS) {
		work();
		if (proc_status_kib("Threads:") == nr)
			return true;
		usleep(STEP_MS * 1000);
	}
	return false;
}

static int inner_large_locals(void)
{
	local_data[1] = 1;
	return has_thread_soon(2) ? 0 : 1;
}

static void large_thread_local_data(void)
{
	struct child child;

	inner_exec(&child, "large_locals", NULL);
	EXPECT(!child_code(&child), "%d: %s", child_code(&child), child.text);
}

/* A user who may have no more tasks, for a while. */
static int inner_refused(void)
{
	struct rlimit none, many;

	getrlimit(RLIMIT_NPROC, &many);
	none = many;
	none.rlim_cur = 1;
	if (setrlimit(RLIMIT_NPROC, &none) || setuid(NOBODY))
		return 2;
	work();
	if (proc_status_kib("Threads:") != 1)
		return 3;
	if (setrlimit(RLIMIT_NPROC, &many))
		return 4;
	return has_thread_soon(2) ? 0 : 1;
}

static void is_tried_again(void)
{
	struct child child;

	if (geteuid()) {
		ktap_skip("no root: no other user to become");
		return;
	}
	inner_exec(&child, "refused", NULL);
	EXPECT(!child_code(&child), "%d: %s", child_code(&child), child.text);
}

static char *kept;

/* In use to the end, so that the thread would stay. */
static void keep_memory(void)
{
	kept = malloc(40 << 20);
	memset(kept, 1, 40 << 20);
}

static void *second_thread(void *arg)
{
	keep_memory();
	return has_thread_soon(3) ? NULL : arg; /* the first is a zombie */
}

/* The last thread of the program is not the first. */
static int inner_main_thread_ends(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, second_thread, NULL))
		return 2;
	pthread_exit(NULL);
}

/* libc does not hear of it; the main function of a clone(2) ends so, too. */
static int inner_ends_unheard(void)
{
	keep_memory();
	if (!has_thread_soon(2))
		return 1;
	return (int)syscall(SYS_exit, 0);
}

/* No signal but SIGKILL would reach it, so it is not waited for for ever. */
static bool ends_soon(pid_t pid, int *ret_status)
{
	int ms;

	for (ms = 0; ms < WAIT_MS; ms += STEP_MS) {
		if (waitpid(pid, ret_status, WNOHANG) == pid)
			return true;
		usleep(STEP_MS * 1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, ret_status, 0);
	return false;
}

static void expect_end(char *name)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execl("/proc/self/exe", "background", "inner", name, NULL);
		_exit(9);
	}
	if (!EXPECT(pid > 0, "%s", strerror(errno)))
		return;
	EXPECT(ends_soon(pid, &status) && !status, "status %#x", status);
}

static void process_ends_with_the_last_thread(void)
{
	expect_end("main_thread_ends");
	expect_end("ends_unheard");
}

/* Refuse a system call to all threads from now on. */
static int refuse(long nr)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {4, filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       SECCOMP_FILTER_FLAG_TSYNC, &program);
}

static long cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A thread that sleeps takes next to nothing, one that spins all there is. */
static int inner_no_ppoll(void)
{
	long before;

	keep_memory();
	if (!has_thread_soon(2))
		return 1;
	if (refuse(SYS_ppoll))
		return 2;
	sleep(2); /* what is due is purged */
	before = cpu_ms();
	sleep(3);
	return cpu_ms() - before < 1000 ? 0 : 3;
}

static void sleeps_where_ppoll_is_refused(void)
{
	struct child child;

	inner_exec(&child, "no_ppoll", NULL);
	if (child_code(&child) == 2)
		ktap_skip("no seccomp filter to be had");
	else
		EXPECT(!child_code(&child), "%d: %s", child_code(&child),
		       child.text);
}

/* A sandbox, or a container's rules for devices, answer so. */
static int inner_no_open(void)
{
	if (refuse(SYS_openat))
		return 2;
	work();
	return 0;
}

static void no_words_where_open_is_refused(void)
{
	struct child child;

	inner_exec(&child, "no_open", NULL);
	if (child_code(&child) == 2)
		ktap_skip("no seccomp filter to be had");
	else
		EXPECT(!child_code(&child) && !child.text[0], "%d: %s",
		       child_code(&child), child.text);
}

static const struct inner inners[] = {
	{"large_locals", inner_large_locals},
	{"refused", inner_refused},
	{"main_thread_ends", inner_main_thread_ends},
	{"ends_unheard", inner_ends_unheard},
	{"no_ppoll", inner_no_ppoll},
	{"no_open", inner_no_open},
	{},
};

static const struct ktap_test tests[] = {
	{"large_thread_local_data", large_thread_local_data},
	{"is_tried_again", is_tried_again},
	{"process_ends_with_the_last_thread",
	 process_ends_with_the_last_thread},
	{"sleeps_where_ppoll_is_refused", sleeps_where_ppoll_is_refused},
	{"no_words_where_open_is_refused", no_words_where_open_is_refused},
	{},
};

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "inner"))
		return inner_run(inners, argv[2]);
	if (is_ashlar())
		return ktap_main(tests, argc, argv);
	printf("1..0 # SKIP libc has no such thread\n");
	return 0;
}
