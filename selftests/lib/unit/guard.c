// SPDX-License-Identifier: MIT
/*
 * guard.c - guard pages on a kernel that is scripted: marked where it can mark,
 * mappings where it can't, no more of them than half of the mappings there may
 * be, and none where it refuses; what can't be undone is called a guard.
 *
 * The linker puts the functions below between guard.c and os/sys.c (--wrap); no
 * address is ever touched.
 */
#include "ktap.h"

#include <errno.h>

#include "hpheap/guard.h"
#include "hpheap/space.h"
#include "os/sys.h"
#include "rt/conf.h"

enum { INSTALL = 102, REMOVE = 103, UNIT = 1234, MAX_MAPS = 40, MOST = 10 };

/* What the kernel answers, and how often it was asked. */
static struct {
	int install, remove, protect, commit;
	unsigned int nr_install, nr_remove, nr_protect, nr_commit;
	char *addr;
	size_t len;
} kernel;

int __wrap_os_advise(void *addr, size_t len, int advice);
int __wrap_os_protect_none(void *addr, size_t len);
int __wrap_os_commit(void *addr, size_t len);
size_t __wrap_os_max_mappings(void);
void *__wrap_os_map(size_t len);
void __wrap_os_unmap(void *addr, size_t len);

static int seen(void *addr, size_t len, unsigned int *nr, int answer)
{
	kernel.addr = addr;
	kernel.len = len;
	(*nr)++;
	return answer;
}

int __wrap_os_advise(void *addr, size_t len, int advice)
{
	if (advice == INSTALL)
		return seen(addr, len, &kernel.nr_install, kernel.install);
	EXPECT_EQ(REMOVE, advice);
	return seen(addr, len, &kernel.nr_remove, kernel.remove);
}

int __wrap_os_protect_none(void *addr, size_t len)
{
	return seen(addr, len, &kernel.nr_protect, kernel.protect);
}

int __wrap_os_commit(void *addr, size_t len)
{
	return seen(addr, len, &kernel.nr_commit, kernel.commit);
}

size_t __wrap_os_max_mappings(void)
{
	return MAX_MAPS;
}

void *__wrap_os_map(size_t len)
{
	return len == os_page_size ? &kernel : NULL;
}

void __wrap_os_unmap(void *addr, size_t len)
{
	EXPECT(addr == &kernel && len == os_page_size, "%p", addr);
}

/* A new kernel, which knows markers or does not. */
static void boot(int install)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.install = install;
	space.base = (char *)0x700000000000;
	conf.guard_pages = GUARD_PAGES_AUTO;
	guard_init();
}

static void expect_range(size_t unit, size_t nr)
{
	EXPECT(kernel.addr == space_addr(unit), "%p", (void *)kernel.addr);
	EXPECT_EQ(nr << UNIT_SHIFT, kernel.len);
}

static void marked(void)
{
	u64 before = guard_count();

	boot(0);
	EXPECT_EQ(GUARD_MARKED, guard_set(UNIT, 3));
	expect_range(UNIT, 3);
	EXPECT_EQ(before + 1, guard_count());
	EXPECT(guard_cut(UNIT, 2, GUARD_MARKED), "refused");
	expect_range(UNIT, 2);
	EXPECT_EQ(before + 1, guard_count());
	EXPECT(guard_clear(UNIT + 2, 1, GUARD_MARKED), "refused");
	expect_range(UNIT + 2, 1);
	EXPECT_EQ(before, guard_count());
	EXPECT_EQ(0, kernel.nr_protect + kernel.nr_commit);
}

static void by_mapping(void)
{
	u64 before = guard_count(), refused = guard_refused();
	unsigned int i;

	boot(-EINVAL);
	for (i = 0; i < MOST; i++)
		EXPECT_EQ(GUARD_PROTECTED, guard_set(UNIT + 2 * i, 1));
	EXPECT_EQ(1, kernel.nr_install); /* at the start only */
	EXPECT_EQ(GUARD_NONE, guard_set(UNIT + 2 * i, 1));
	EXPECT_EQ(MOST, kernel.nr_protect);
	EXPECT_EQ(refused + 1, guard_refused());
	EXPECT_EQ(before + MOST, guard_count());
	/* One that goes makes room for another. */
	EXPECT(guard_clear(UNIT, 1, GUARD_PROTECTED), "refused");
	EXPECT_EQ(GUARD_PROTECTED, guard_set(UNIT, 1));
	for (i = 0; i < MOST; i++)
		EXPECT(guard_clear(UNIT + 2 * i, 1, GUARD_PROTECTED),
		       "refused");
	EXPECT_EQ(before, guard_count());
	EXPECT_EQ(MOST + 1, kernel.nr_commit);
}

static void refused(void)
{
	u64 before = guard_count(), refused = guard_refused();

	boot(-EINVAL);
	kernel.protect = -ENOMEM;
	EXPECT_EQ(GUARD_NONE, guard_set(UNIT, 1));
	EXPECT_EQ(1, kernel.nr_commit); /* what was done of it is undone */
	EXPECT_EQ(before, guard_count());
	EXPECT_EQ(refused + 1, guard_refused());
	/* Neither done nor undone: not to be taken for memory. */
	kernel.commit = -ENOMEM;
	EXPECT_EQ(GUARD_PROTECTED, guard_set(UNIT, 1));
	EXPECT(!guard_clear(UNIT, 1, GUARD_PROTECTED), "cleared");
	EXPECT_EQ(before + 1, guard_count());
	EXPECT_EQ(refused + 2, guard_refused());
	kernel.commit = 0;
	EXPECT(guard_clear(UNIT, 1, GUARD_PROTECTED), "refused");
	EXPECT_EQ(before, guard_count());
}

/* Pages that the program has locked can't be marked. */
static void marks_refused(void)
{
	boot(0);
	kernel.install = -EINVAL;
	EXPECT_EQ(GUARD_PROTECTED, guard_set(UNIT, 4));
	EXPECT_EQ(1, kernel.nr_remove); /* marks of a part, if any */
	EXPECT(guard_clear(UNIT, 4, GUARD_PROTECTED), "refused");
	EXPECT_EQ(1, kernel.nr_remove);
}

static void options(void)
{
	boot(0);
	conf.guard_pages = GUARD_PAGES_OFF;
	EXPECT_EQ(GUARD_NONE, guard_set(UNIT, 1));
	EXPECT(guard_clear(UNIT, 1, GUARD_NONE), "refused");
	EXPECT_EQ(0, kernel.nr_protect + kernel.nr_commit + kernel.nr_remove);
	conf.guard_pages = GUARD_PAGES_MPROTECT;
	guard_init();
	EXPECT_EQ(GUARD_PROTECTED, guard_set(UNIT, 1));
	EXPECT(guard_clear(UNIT, 1, GUARD_PROTECTED), "refused");
	EXPECT_EQ(1, kernel.nr_install);
}

static const struct ktap_test tests[] = {
	{"marked", marked},
	{"by_mapping", by_mapping},
	{"refused", refused},
	{"marks_refused", marks_refused},
	{"options", options},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
