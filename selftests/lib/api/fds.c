// SPDX-License-Identifier: MIT
/*
 * fds.c - daemons close every descriptor and reuse the numbers, chroot, drop
 * privileges, and forbid system calls: malloc goes on, writes into nobody's
 * file, and leaks no descriptor into programs started later.
 */
#include "ktap.h"
#include "testlib.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MIB ((size_t)1 << 20)

/* Enough of each kind that new memory is asked of the kernel. */
static int work(void)
{
	void *p[64];
	int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 64; i++) {
			size_t len = i % 8 ? 3000u * (unsigned int)(i + 1)
					   : 4 * MIB;

			p[i] = malloc(len);
			if (!p[i])
				return 10;
			memset(p[i], i, len < MIB ? len : 4096);
		}
		for (i = 0; i < 64; i++)
			free(p[i]);
		malloc_trim(0);
	}
	return 0;
}

static void close_all(void)
{
	int fd;

	for (fd = 3; fd < 4096; fd++)
		close(fd);
	if (syscall(SYS_close_range, 4096u, ~0u, 0u) && errno != ENOSYS)
		_exit(20);
}

static int closed(void *arg)
{
	(void)arg;
	free(malloc(100));
	close_all();
	return work();
}

/* All numbers taken by another file, whose contents must stay as they were. */
static int reused(void *arg)
{
	char path[] = "/tmp/ashlar-fds-XXXXXX";
	struct rlimit rl = {256, 256};
	struct stat st;
	int fd, code;

	(void)arg;
	free(malloc(100));
	close_all();
	fd = mkstemp(path);
	if (fd < 0 || unlink(path) || write(fd, "mine", 4) != 4)
		return 21;
	if (setrlimit(RLIMIT_NOFILE, &rl))
		return 23;
	while (dup(fd) >= 0)
		;
	code = work();
	if (fstat(fd, &st) || st.st_size != 4)
		return 22;
	return code;
}

static int no_fds_left(void *arg)
{
	struct rlimit rl = {3, 3};

	(void)arg;
	if (setrlimit(RLIMIT_NOFILE, &rl))
		return 23;
	return work();
}

static int std_closed(void *arg)
{
	int code;

	(void)arg;
	close(0);
	close(1);
	close(2);
	code = work();
	/* The numbers must be free for the program still. */
	if (!code && open("/dev/null", O_RDWR | O_CLOEXEC) != 0)
		return 24;
	return code;
}

static int in_chroot(void *arg)
{
	char dir[] = "/tmp/ashlar-chroot-XXXXXX";

	(void)arg;
	if (!mkdtemp(dir) || chroot(dir) || chdir("/"))
		return 77;
	close_all();
	return work();
}

static int unprivileged(void *arg)
{
	(void)arg;
	if (setgid(65534) || setuid(65534))
		return 77;
	close_all();
	return work();
}

/* Only what malloc, stdio and exit can't do without; the rest fails EPERM. */
static int seccomp(void *arg)
{
	static const unsigned int allowed[] = {
		SYS_mmap,	  SYS_munmap, SYS_mremap,     SYS_madvise,
		SYS_mprotect,	  SYS_brk,    SYS_exit_group, SYS_write,
		SYS_rt_sigreturn, SYS_futex,  SYS_getpid,     SYS_gettid};
	enum { NR = sizeof(allowed) / sizeof(*allowed) };
	struct sock_filter code[NR + 3];
	struct sock_fprog prog = {NR + 3, code};
	unsigned int i;

	(void)arg;
	code[0] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (i = 0; i < NR; i++)
		code[i + 1] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, allowed[i],
			(unsigned char)(NR - i), 0);
	code[NR + 1] = (struct sock_filter)BPF_STMT(
		BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	code[NR + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						    SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return 77;
	return work();
}

static void expect_works(int (*fn)(void *), const char *what)
{
	struct child child;

	child_call(&child, fn, NULL);
	if (child_code(&child) == 77)
		ktap_skip("%s is not permitted here", what);
	else
		EXPECT(!child_code(&child), "code %d, '%s'",
		       child_code(&child), child.text);
}

static void all_closed(void)
{
	expect_works(closed, "close");
}

static void numbers_reused(void)
{
	expect_works(reused, "reuse");
}

/* Nothing is said of a module that is not there. */
static void no_descriptors(void)
{
	struct child child;

	child_call(&child, no_fds_left, NULL);
	EXPECT(!child_code(&child), "code %d, '%s'", child_code(&child),
	       child.text);
	if (access("/dev/ashlar", F_OK))
		EXPECT(!child.text[0], "'%s'", child.text);
}

static void standard_closed(void)
{
	expect_works(std_closed, "close");
}

static void chrooted(void)
{
	expect_works(in_chroot, "chroot");
}

static void other_user(void)
{
	expect_works(unprivileged, "setuid");
}

static void few_system_calls(void)
{
	expect_works(seccomp, "seccomp");
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int nr = 0;

	while (dir && readdir(dir))
		nr++;
	if (dir)
		closedir(dir);
	return nr;
}

static void none_leak(void)
{
	int before, after, i;

	work();
	before = count_fds();
	for (i = 0; i < 5; i++)
		work();
	after = count_fds();
	EXPECT_EQ(before, after);
}

/* A program started by exec sees only the standard descriptors. */
static void none_inherited(void)
{
	char env[] = "env", u[] = "-u", preload[] = "LD_PRELOAD";
	char sh[] = "sh", c[] = "-c", script[200];
	char *argv[] = {env, u, preload, sh, c, script, NULL};
	struct child child;

	snprintf(script, sizeof(script),
		 "for f in /proc/self/fd/*; do case ${f##*/} in "
		 "[0-2]) ;; *) readlink $f | grep -q /dev/ashlar && exit 5;; "
		 "esac; done; exit 0");
	child_exec(&child, argv, getenv("ASHLAR_CONF"));
	EXPECT(!child_code(&child), "code %d, '%s'", child_code(&child),
	       child.text);
}

static const struct ktap_test tests[] = {
	{"all_closed", all_closed},
	{"numbers_reused", numbers_reused},
	{"no_descriptors", no_descriptors},
	{"standard_closed", standard_closed},
	{"chrooted", chrooted},
	{"other_user", other_user},
	{"few_system_calls", few_system_calls},
	{"none_leak", none_leak},
	{"none_inherited", none_inherited},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
