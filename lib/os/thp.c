// SPDX-License-Identifier: MIT
/*
 * Two switches decide: one of the machine, one of the process, which children
 * and what they exec inherit.  All paths are below a @root, "" but in tests.
 */
#include "os/thp.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "arch.h"
#include "os/sys.h"

#define THP_DIR "/sys/kernel/mm/transparent_hugepage"

enum { PATH_LEN = 256 };

static long read_below(const char *root, const char *path, char *buf,
		       size_t len)
{
	char full[PATH_LEN];
	size_t at = strlen(root);

	if (at + strlen(path) >= sizeof(full))
		return -ENAMETOOLONG;
	memcpy(full, root, at);
	memcpy(full + at, path, strlen(path) + 1);
	return os_read_file(full, buf, len);
}

/* Since Linux 6.18 a value of 3 leaves memory that asks for it alone. */
static bool is_disabled(void)
{
	return sys_call(SYS_prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0, 0) == 1;
}

static enum os_thp read_switch(const char *root, const char *path)
{
	char text[128];
	long n = read_below(root, path, text, sizeof(text));

	if (n < 0)
		return OS_THP_UNKNOWN;
	if (strstr(text, "[never]"))
		return OS_THP_NEVER;
	if (strstr(text, "[always]"))
		return OS_THP_ALWAYS;
	return strstr(text, "[madvise]") ? OS_THP_MADVISE : OS_THP_UNKNOWN;
}

static bool has_sys(const char *root)
{
	char text[64];

	/* What any kernel with /sys mounted has. */
	return read_below(root, "/sys/kernel/notes", text, sizeof(text)) >= 0 ||
	       read_below(root, "/sys/kernel/uevent_seqnum", text,
			  sizeof(text)) >= 0;
}

/**
 * os_thp_state() - what decides about transparent huge pages
 * @root: put before every path; "" but in tests
 *
 * Return: the state; a switch for pages of 2 MiB (Linux 6.8), where it is not
 * "inherit", counts more than the one for all sizes.
 */
enum os_thp os_thp_state(const char *root)
{
	enum os_thp all, size;

	if (is_disabled())
		return OS_THP_DISABLED;
	size = read_switch(root, THP_DIR "/hugepages-2048kB/enabled");
	if (size != OS_THP_UNKNOWN)
		return size;
	all = read_switch(root, THP_DIR "/enabled");
	if (all == OS_THP_UNKNOWN && has_sys(root))
		return OS_THP_ABSENT;
	return all;
}

/* May memory that asks for huge pages get them, as far as one can tell? */
bool os_thp_is_possible(void)
{
	enum os_thp state = os_thp_state("");

	return state != OS_THP_NEVER && state != OS_THP_DISABLED &&
	       state != OS_THP_ABSENT;
}

/* A state in words, and where it is changed. */
const char *os_thp_text(enum os_thp state)
{
	static const char *const text[] = {
		[OS_THP_UNKNOWN] = "unknown: " THP_DIR " can't be read",
		[OS_THP_ABSENT] = "absent: the kernel was built without",
		[OS_THP_ALWAYS] = "always",
		[OS_THP_MADVISE] = "madvise",
		[OS_THP_NEVER] = "never: see " THP_DIR "/enabled",
		[OS_THP_DISABLED] =
			"disabled for this process: prctl(PR_SET_THP_DISABLE)",
	};

	return text[state];
}

/**
 * os_thp_max_ptes_none() - holes that khugepaged fills in a 2 MiB range
 * @root: put before every path; "" but in tests
 *
 * Return: base pages, or -errno.
 */
long os_thp_max_ptes_none(const char *root)
{
	char text[32];
	long n = read_below(root, THP_DIR "/khugepaged/max_ptes_none", text,
			    sizeof(text));

	return n < 0 ? n : (long)os_number(text);
}
