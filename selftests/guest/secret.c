// SPDX-License-Identifier: MIT
/*
 * No page reaches another process, or the same one again, with old contents.
 *
 * A secret is written all over memory that is then given back in every way
 * there is; memory taken afterwards is searched for it.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "guest.h"
#include "ktap.h"

#define NR 24
#define SECRET 0x5ec2e75ec2e75ec2ULL

static void plant(char *p)
{
	uint64_t *words = (uint64_t *)p;
	size_t i;

	for (i = 0; i < NR * HUNK / sizeof(*words); i += 8)
		words[i] = SECRET;
}

/* In memory of every kind: from the pool, fresh, small. */
static void search(const char *after)
{
	char *p = map_region(NR * HUNK);
	const uint64_t *words = (const uint64_t *)p;
	size_t i, nr = 0;

	for (i = 0; i < NR * HUNK / sizeof(*words); i++)
		nr += words[i] != 0;
	EXPECT(!nr, "%zu words not zero after %s", nr, after);
	munmap(p, NR * HUNK);
}

static void after_munmap(void)
{
	char *p = map_region(NR * HUNK);

	plant(p);
	munmap(p, NR * HUNK);
	search("munmap");
}

static void after_discard(void)
{
	char *p = map_region(NR * HUNK);

	plant(p);
	EXPECT_EQ(0, do_discard(p, NR * HUNK, NULL));
	search("discard");
	munmap(p, NR * HUNK);
}

static void by_child(const char *how, void (*end)(void))
{
	pid_t pid = fork();

	if (!pid) {
		plant(map_region(NR * HUNK));
		end();
	}
	wait_child(pid);
	search(how);
}

static void exits(void)
{
	_exit(0);
}

static void execs(void)
{
	execl("/bin/true", "true", NULL);
	_exit(9);
}

static void crashes(void)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	_exit(9);
}

static void after_exit(void)
{
	by_child("exit", exits);
}

static void after_exec(void)
{
	by_child("exec", execs);
}

static void after_crash(void)
{
	by_child("crash", crashes);
}

static void after_fork(void)
{
	char *p = map_region(NR * HUNK);
	size_t i;
	pid_t pid;

	p[0] = 1;
	pid = fork();
	if (!pid) {
		plant(p);
		_exit(0);
	}
	wait_child(pid);
	for (i = 1; i < NR * HUNK; i += 64)
		if (!EXPECT(!p[i], "%d at %#zx of the parent", p[i], i))
			break;
	munmap(p, NR * HUNK);
	search("fork");
}

static void broken_pages(void)
{
	uint64_t bitmap[NR * 8] = { 0 };
	char *p = map_region(NR * HUNK);
	struct ashlar_break brk = {
		.size = sizeof(brk), .addr = (uintptr_t)p, .len = NR * HUNK,
		.bitmap = (uintptr_t)bitmap,
	};
	const uint64_t *words = (const uint64_t *)p;
	size_t i, nr = 0;

	bitmap[0] = 1;
	plant(p);
	EXPECT_EQ(0, do_ioctl(ASHLAR_IOC_BREAK, &brk));
	for (i = 512; i < NR * HUNK / sizeof(*words); i++)
		nr += words[i] != 0;
	EXPECT_EQ(0, (long)nr);
	EXPECT_EQ((long long)SECRET, (long long)words[0]);
	munmap(p, NR * HUNK);
	search("break");
}

static void without_a_pool(void)
{
	set_pools(0);
	after_munmap();
	after_discard();
	set_pools(NR);
}

static const struct ktap_test tests[] = {
	{ "after_munmap", after_munmap },
	{ "after_discard", after_discard },
	{ "after_exit", after_exit },
	{ "after_exec", after_exec },
	{ "after_crash", after_crash },
	{ "after_fork", after_fork },
	{ "broken_pages", broken_pages },
	{ "without_a_pool", without_a_pool },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	set_pools(NR);
	return ktap_main(tests, argc, argv);
}
