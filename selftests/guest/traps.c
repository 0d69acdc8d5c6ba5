// SPDX-License-Identifier: MIT
/*
 * Each mend of a known trap, with and without it.
 *
 * Loads the module's test build, which can leave a mend out. A test does the
 * same thing twice: with the mend it must see nothing, without it the very
 * failure that the mend is for. So none of them is a check that cannot fail.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <linux/futex.h>
#include <linux/io_uring.h>

#include "guest.h"
#include "ktap.h"

#define PAGE 4096UL

/* Bits of the parameter "traps": see kmod/failpoint.h. */
enum trap {
	TRAP_ISIZE	= 1 << 0,
	TRAP_UNPARKED	= 1 << 1,
	TRAP_INFLIGHT	= 1 << 2,
	TRAP_FORKLOCK	= 1 << 3,
	TRAP_MKWRITE	= 1 << 4,
	TRAP_PINNED	= 1 << 6,
	TRAP_HIDE	= 1 << 7,
	TRAP_DUMP	= 1 << 9,
	TRAP_RECYCLE	= 1 << 10,
	TRAP_TICKET	= 1 << 11,
	TRAP_UNZEROED	= 1 << 14,
};

static void open_trap(int traps)
{
	set_param("traps", traps);
}

static int kernel_is(int major, int minor)
{
	struct utsname name;
	int a, b;

	uname(&name);
	return sscanf(name.release, "%d.%d", &a, &b) == 2 &&
	       (a > major || (a == major && b >= minor));
}

/* 1: newer kernels map base pages only, if the hunk lies past the file's end. */
static long huge_share(void)
{
	char *p = map_region(2 * HUNK);
	long kib;

	memset(p, 1, 2 * HUNK);
	kib = smaps_kib(p, 2 * HUNK, "FilePmdMapped");
	munmap(p, 2 * HUNK);
	return kib;
}

static void file_size(void)
{
	EXPECT_EQ(4096, huge_share());
	if (!kernel_is(6, 12)) {
		ktap_skip("this kernel does not look at the size");
		return;
	}
	open_trap(TRAP_ISIZE);
	EXPECT_EQ(0, huge_share());
	open_trap(0);
}

/* 2: a page without a mapping has no futex key, and is charged to nobody. */
static int futex_errno(void)
{
	uint32_t *word = (uint32_t *)map_region(HUNK);
	struct timespec soon = { .tv_nsec = 1000000 };
	int err;

	word[0] = 7;
	err = syscall(SYS_futex, word, FUTEX_WAIT, 7, &soon, NULL, 0) ? errno :
									  0;
	munmap(word, HUNK);
	return err;
}

/* The core looks again for ever at a page that has no mapping: bound it. */
static void parked(void)
{
	int status;
	pid_t pid;

	EXPECT_EQ(ETIMEDOUT, futex_errno());
	open_trap(TRAP_UNPARKED);
	pid = fork();
	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		alarm(3);
		_exit(futex_errno() == ETIMEDOUT ? 0 : 1);
	}
	status = wait_child(pid);
	EXPECT(status != 0, "a shared futex works without it");
	open_trap(0);
}

/*
 * 3: a fault in flight against a discard maps a page that is gone. Without the
 * mend the kernel itself complains ("Bad page cache"), so that half runs only
 * when asked for, in a guest of its own: ASHLAR_OPEN=1 traps in_flight
 */
static char *mem;
static atomic_bool stop;

static void *toucher(void *arg)
{
	volatile char *p = mem;

	(void)arg;
	while (!stop)
		*p = 1;
	return NULL;
}

/* A slot that is a hole, while a page of it is mapped. */
static long nr_stale(void)
{
	struct ashlar_hunk hunk;
	pthread_t thread;
	long nr = 0;
	int round;

	mem = map_region(HUNK);
	stop = false;
	pthread_create(&thread, NULL, toucher, NULL);
	for (round = 0; round < 60; round++) {
		do_discard(mem, HUNK, NULL);
		usleep(3000);
		/* A hole afterwards was one before: only we make holes. */
		if (smaps_kib(mem, HUNK, "Rss") && !do_query(mem, 1, &hunk) &&
		    !hunk.flags)
			nr++;
	}
	stop = true;
	pthread_join(thread, NULL);
	munmap(mem, HUNK);
	return nr;
}

static void in_flight(void)
{
	set_param("widen", 2000);
	EXPECT_EQ(0, nr_stale());
	if (getenv("ASHLAR_OPEN")) {
		open_trap(TRAP_INFLIGHT);
		EXPECT(nr_stale() > 0, "nothing stale: the test sees nothing");
		open_trap(0);
	}
	set_param("widen", 0);
}

/* 5: .page_mkwrite from the start forbids long-term pins. */
static int pin_for_long(void)
{
	struct io_uring_params params = { 0 };
	int ring = syscall(SYS_io_uring_setup, 4, &params), err = -ENOSYS;
	char *p = map_region(HUNK);
	struct iovec vec = { p, HUNK };

	if (ring >= 0) {
		p[0] = 1;
		err = syscall(SYS_io_uring_register, ring,
			      IORING_REGISTER_BUFFERS, &vec, 1) ? -errno : 0;
		close(ring);
	}
	munmap(p, HUNK);
	return err;
}

static void long_term_pin(void)
{
	int err = pin_for_long();

	if (err == -EOPNOTSUPP || err == -ENOSYS) {
		ktap_skip("no fixed buffers on files here: %s", strerror(-err));
		return;
	}
	EXPECT_EQ(0, err);
	open_trap(TRAP_MKWRITE);
	EXPECT_EQ(-EFAULT, pin_for_long());
	open_trap(0);
}

/* 6: each region file holds the module: one reference up, one down. */
static void module_reference(void)
{
	long long before = read_number("/sys/module/ashlar/refcnt");
	char *p = map_region(HUNK);

	p[0] = 1;
	EXPECT_EQ(before + 1, read_number("/sys/module/ashlar/refcnt"));
	munmap(p, HUNK);
	EXPECT_EQ(before, read_number("/sys/module/ashlar/refcnt"));
}

/* 7: a pinned page that is shared at fork is written by DMA behind the child. */
static int child_sees_dma(void)
{
	struct io_uring_params params = { 0 };
	int ring = syscall(SYS_io_uring_setup, 4, &params), fds[2], saw = -1;
	char *p = map_region(HUNK), byte;
	struct iovec vec = { p, HUNK };
	long long shared = stat_now("fork_shared");
	pid_t pid;

	p[0] = 'o';
	if (pipe(fds) || ring < 0 ||
	    syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &vec,
		    1))
		goto out;
	pid = fork();
	if (!pid)
		_exit(read(fds[0], &byte, 1) != 1);
	saw = stat_now("fork_shared") - shared;
	if (write(fds[1], "x", 1) != 1)
		saw = -1;
	wait_child(pid);
	close(fds[0]);
	close(fds[1]);
out:
	close(ring);
	munmap(p, HUNK);
	return saw;
}

static void pinned_at_fork(void)
{
	int saw = child_sees_dma();

	if (saw < 0) {
		ktap_skip("no fixed buffers on files here");
		return;
	}
	EXPECT_EQ(0, saw);
	open_trap(TRAP_PINNED);
	EXPECT_EQ(1, child_sees_dma());
	open_trap(0);
}

/* 8: a broken slot's huge page, mapped whole by the core, hides the overlay. */
static size_t nr_hidden(void)
{
	size_t i, nr = 0;
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe(fds))
		return 0;
	mem = map_region(HUNK);
	memset(mem, 'a', HUNK);
	pid = fork();
	if (!pid)
		_exit(read(fds[0], &byte, 1) != 1);
	for (i = 0; i < HUNK; i += 8 * PAGE)
		mem[i] = 'p';
	/* The page table goes, while the child still shares the huge page. */
	EXPECT_EQ(0, do_remap(mem, HUNK));
	(void)*(volatile char *)(mem + PAGE);
	for (i = 0; i < HUNK; i += 8 * PAGE)
		nr += *(volatile char *)(mem + i) != 'p';
	EXPECT_EQ(1, (int)write(fds[1], "x", 1));
	wait_child(pid);
	close(fds[0]);
	close(fds[1]);
	munmap(mem, HUNK);
	return nr;
}

static void hidden_overlay(void)
{
	size_t nr;

	EXPECT_EQ(0, (long)nr_hidden());
	open_trap(TRAP_HIDE);
	nr = nr_hidden();
	open_trap(0);
	EXPECT_EQ((long)(HUNK / PAGE / 8), (long)nr);
}

/* 8: and a region that anybody may mremap() can be moved off its slots. */
static bool moves_without_ticket(void)
{
	char *to, *at;
	bool is_moved;

	mem = map_region(HUNK);
	mem[0] = 1;
	to = mmap(NULL, 2 * HUNK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	to = (char *)(((uintptr_t)to + HUNK - 1) & -HUNK);
	at = mremap(mem, HUNK, HUNK, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	is_moved = at != MAP_FAILED;
	munmap(is_moved ? at : mem, HUNK);
	return is_moved;
}

static void ticket(void)
{
	EXPECT(!moves_without_ticket(), "moved");
	open_trap(TRAP_TICKET);
	EXPECT(moves_without_ticket(), "not moved: the test sees nothing");
	open_trap(0);
}

/* 10: a core dump fills the holes that it reads. */
static long long taken_by_dump(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	long long taken = stat_now("pool_hits") + stat_now("pool_misses");
	pid_t pid;

	write_file("/proc/sys/kernel/core_pattern", "/tmp/ashlar-core");
	pid = fork();
	if (!pid) {
		map_region(8 * HUNK)[0] = 1;
		setrlimit(RLIMIT_CORE, &all);
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	wait_child(pid);
	unlink("/tmp/ashlar-core");
	return stat_now("pool_hits") + stat_now("pool_misses") - taken;
}

static void dumped_holes(void)
{
	EXPECT_EQ(1, taken_by_dump());
	open_trap(TRAP_DUMP);
	EXPECT_EQ(8, taken_by_dump());
	open_trap(0);
}

/* 11: a used page straight back in the pool still has its contents. */
static size_t nr_leaked(void)
{
	char *p = map_region(4 * HUNK);
	size_t i, nr = 0;

	memset(p, 's', 4 * HUNK);
	munmap(p, 4 * HUNK);
	p = map_region(4 * HUNK);
	for (i = 0; i < 4 * HUNK; i += PAGE)
		nr += p[i] != 0;
	munmap(p, 4 * HUNK);
	return nr;
}

static void recycled(void)
{
	struct utsname name;

	pin_cpu(0);
	EXPECT_EQ(0, (long)nr_leaked());
	uname(&name);
	if (strstr(name.release, "debug")) {
		ktap_skip("a debug kernel stops at a page charged twice");
		unpin();
		return;
	}
	open_trap(TRAP_RECYCLE);
	EXPECT(nr_leaked() > 0, "no old contents: the test sees nothing");
	open_trap(0);
	set_pools(0);
	set_pools(8);
	unpin();
}

/* Pages that the zeroer takes, of those just used, must have been zeroed. */
static size_t nr_not_zero(void)
{
	char *p = map_region(64 * HUNK);
	size_t i, nr = 0;

	memset(p, 's', 64 * HUNK);
	munmap(p, 64 * HUNK);
	set_pools(0);
	set_pools(24);
	p = map_region(24 * HUNK);
	for (i = 0; i < 24 * HUNK; i += PAGE)
		nr += p[i] != 0;
	munmap(p, 24 * HUNK);
	return nr;
}

static void unzeroed(void)
{
	long long bypassing = stat_now("zeroed_bypassing");
	size_t nr = 0;
	int i;

	EXPECT_EQ(0, (long)nr_not_zero());
	if (stat_now("zeroed_bypassing") == bypassing) {
		ktap_skip("this kernel zeroes by itself (init_on_alloc=1)");
		return;
	}
	open_trap(TRAP_UNZEROED);
	/* Which free pages the zeroer is given is the kernel's choice. */
	for (i = 0; i < 20 && !nr; i++)
		nr = nr_not_zero();
	EXPECT(nr > 0, "no old contents: the test sees nothing");
	open_trap(0);
	set_pools(0);
	set_pools(8);
}

static const struct ktap_test tests[] = {
	{ "file_size", file_size },
	{ "parked", parked },
	{ "in_flight", in_flight },
	{ "long_term_pin", long_term_pin },
	{ "module_reference", module_reference },
	{ "pinned_at_fork", pinned_at_fork },
	{ "hidden_overlay", hidden_overlay },
	{ "ticket", ticket },
	{ "dumped_holes", dumped_holes },
	{ "recycled", recycled },
	{ "unzeroed", unzeroed },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return with_test_build(ktap_main, tests, argc, argv);
}
