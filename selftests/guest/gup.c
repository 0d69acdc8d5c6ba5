// SPDX-License-Identifier: MIT
/*
 * Others reach into the memory: direct I/O, pipes, relatives by system call,
 * debuggers, core dumps, long-term pins.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/io_uring.h>

#include "guest.h"
#include "ktap.h"

#define PAGE 4096

static int scratch_disk(void)
{
	return open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
}

static void direct_io(void)
{
	int fd = scratch_disk();
	char *p;

	if (fd < 0) {
		ktap_skip("no scratch disk /dev/vda");
		return;
	}
	p = map_region(4 * HUNK);
	memset(p, 0x5a, HUNK);
	EXPECT_EQ((long)HUNK, (long)pwrite(fd, p, HUNK, 0));
	EXPECT_EQ((long)HUNK, (long)pread(fd, p + HUNK, HUNK, 0));
	EXPECT(!memcmp(p, p + HUNK, HUNK), "other bytes read than written");
	EXPECT_EQ(65536, (long)pread(fd, p + 2 * HUNK + PAGE, 65536, PAGE));
	EXPECT_EQ(0x5a, p[2 * HUNK + PAGE]);
	EXPECT_EQ(0, p[2 * HUNK + PAGE - 1]);
	munmap(p, 4 * HUNK);
	close(fd);
}

static void pipes(void)
{
	char buf[PAGE], *p;
	int fds[2];

	p = map_region(2 * HUNK);
	EXPECT_EQ(0, pipe(fds));
	memset(p, 'x', PAGE);
	EXPECT_EQ(PAGE, (long)write(fds[1], p, PAGE));
	EXPECT_EQ(PAGE, (long)read(fds[0], p + HUNK + 100, PAGE));
	EXPECT_EQ('x', p[HUNK + 100]);
	struct iovec vec = { p, PAGE };

	EXPECT_EQ(PAGE, (long)vmsplice(fds[1], &vec, 1, 0));
	EXPECT_EQ(PAGE, (long)read(fds[0], buf, PAGE));
	EXPECT_EQ('x', buf[77]);
	munmap(p, 2 * HUNK);
	close(fds[0]);
	close(fds[1]);
}

/* A page in a pipe outlives its discard, and is nobody else's meanwhile. */
static void vmsplice_outlives_discard(void)
{
	char buf[PAGE], *p, *other;
	int fds[2], i;

	p = map_region(HUNK);
	EXPECT_EQ(0, pipe(fds));
	memset(p, 'V', PAGE);
	struct iovec vec = { p, PAGE };

	EXPECT_EQ(PAGE, (long)vmsplice(fds[1], &vec, 1, 0));
	EXPECT_EQ(0, do_discard(p, HUNK, NULL));
	p[0] = 'N';
	for (i = 0; i < 40; i++) {
		other = map_region(HUNK);
		memset(other, 'E', HUNK);
		munmap(other, HUNK);
	}
	EXPECT_EQ(PAGE, (long)read(fds[0], buf, PAGE));
	EXPECT_EQ('V', buf[0]);
	EXPECT_EQ('V', buf[PAGE - 1]);
	munmap(p, HUNK);
	close(fds[0]);
	close(fds[1]);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_child(pid);
}

static void process_vm(void)
{
	char buf[PAGE], *p;
	pid_t pid;

	p = map_region(HUNK);
	memset(p, 'x', HUNK);
	pid = sleeper();
	struct iovec here = { buf, PAGE }, there = { p, PAGE };

	EXPECT_EQ(PAGE, (long)process_vm_readv(pid, &here, 1, &there, 1, 0));
	EXPECT_EQ('x', buf[5]);
	memset(buf, 'W', PAGE);
	EXPECT_EQ(PAGE, (long)process_vm_writev(pid, &here, 1, &there, 1, 0));
	EXPECT_EQ('x', p[5]);
	memset(buf, 0, PAGE);
	EXPECT_EQ(PAGE, (long)process_vm_readv(pid, &here, 1, &there, 1, 0));
	EXPECT_EQ('W', buf[5]);
	end(pid);
	munmap(p, HUNK);
}

static void by_ptrace(void)
{
	char path[64], buf[16], *p;
	pid_t pid;
	int fd;

	p = map_region(HUNK);
	memset(p, 'x', HUNK);
	pid = sleeper();
	EXPECT_EQ(0, ptrace(PTRACE_ATTACH, pid, NULL, NULL));
	waitpid(pid, NULL, 0);
	errno = 0;
	EXPECT_EQ('x', (char)ptrace(PTRACE_PEEKDATA, pid, p + 8, NULL));
	EXPECT_EQ(0, errno);
	EXPECT_EQ(0, ptrace(PTRACE_POKEDATA, pid, p + 8,
			    (void *)0x4141414141414141));
	EXPECT_EQ('A', (char)ptrace(PTRACE_PEEKDATA, pid, p + 8, NULL));
	EXPECT_EQ('x', p[8]);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(16, (long)pread(fd, buf, 16, (uintptr_t)p));
	EXPECT_EQ('A', buf[8]);
	close(fd);
	end(pid);
	munmap(p, HUNK);
}

static int count_in_file(const char *path, const char *what)
{
	static char buf[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC), nr = 0;
	ssize_t len;
	char *at;

	while (fd >= 0 && (len = read(fd, buf, sizeof(buf))) > 0)
		for (at = buf; (at = memmem(at, buf + len - at, what,
					    strlen(what)));
		     at++)
			nr++;
	if (fd >= 0)
		close(fd);
	return nr;
}

static void core_dump(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	long long taken;
	char what[32];
	pid_t pid;

	write_file("/proc/sys/kernel/core_pattern", "/tmp/ashlar-core");
	taken = stat_now("pool_hits") + stat_now("pool_misses");
	pid = fork();
	if (!pid) {
		char *p = map_region(32 * HUNK);
		int i;

		setrlimit(RLIMIT_CORE, &all);
		for (i = 0; i < 2; i++) {
			strcpy(p + i * HUNK + 3 * PAGE, "ASHLAR-CORE-");
			strcat(p + i * HUNK + 3 * PAGE, "PATTERN");
		}
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	EXPECT(WCOREDUMP(wait_child(pid)), "no core dumped");
	snprintf(what, sizeof(what), "%s%s", "ASHLAR-CORE-", "PATTERN");
	EXPECT_EQ(2, count_in_file("/tmp/ashlar-core", what));
	EXPECT_EQ(taken + 2, stat_now("pool_hits") + stat_now("pool_misses"));
	unlink("/tmp/ashlar-core");
}

static int uring_setup(void)
{
	struct io_uring_params params = { 0 };

	return syscall(SYS_io_uring_setup, 4, &params);
}

/* Return: 0 or -errno. */
static int uring_register(int ring, char *p, size_t len)
{
	struct iovec vec = { p, len };

	return syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS,
		       &vec, 1) ? -errno : 0;
}

/* A long-term pin before a fork stays the parent's; after, it is refused. */
static void long_term_pins(void)
{
	int ring = uring_setup(), other, err;
	long long copied = stat_now("fork_copied");
	char *p;
	pid_t pid;

	if (ring < 0) {
		ktap_skip("io_uring_setup: %s", strerror(errno));
		return;
	}
	p = map_region(2 * HUNK);
	memset(p, 'o', 2 * HUNK);
	err = uring_register(ring, p, HUNK);
	if (err == -EOPNOTSUPP) {
		ktap_skip("this kernel refuses fixed buffers on any file");
		goto out;
	}
	EXPECT_EQ(0, err);
	pid = fork();
	if (!pid)
		_exit(p[100] != 'o' || p[HUNK + 100] != 'o');
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(copied + 1, stat_now("fork_copied"));
	other = uring_setup();
	EXPECT(uring_register(other, p + HUNK, HUNK) < 0,
	       "pinned for long after a fork");
	EXPECT_EQ(0, do_unshare(p, 2 * HUNK, NULL));
	EXPECT_EQ(0, uring_register(other, p + HUNK, HUNK));
	close(other);
out:
	munmap(p, 2 * HUNK);
	close(ring);
}

static void nothing_left(void)
{
	EXPECT(wait_for(balanced, NULL, 5000),
	       "mapped %lld parked %lld small %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "direct_io", direct_io },
	{ "pipes", pipes },
	{ "vmsplice_outlives_discard", vmsplice_outlives_discard },
	{ "process_vm", process_vm },
	{ "ptrace", by_ptrace },
	{ "core_dump", core_dump },
	{ "long_term_pins", long_term_pins },
	{ "nothing_left", nothing_left },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	return ktap_main(tests, argc, argv);
}
