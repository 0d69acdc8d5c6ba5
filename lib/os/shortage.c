// SPDX-License-Identifier: MIT
/*
 * Stalls alone do not say that memory is short: a host that is slow to back its
 * guest, a disk that is slow to bring a file back, make tasks wait on a machine
 * with most of its memory free.
 */
#include "os/shortage.h"

#include <string.h>

#include "os/cgroup.h"
#include "os/lines.h"
#include "os/sys.h"

enum {
	AVAILABLE_SHARE = 4, /* less than that part is available */
	FULL_SHARE = 8, /* less than that part of a cgroup's limit is left */
};

struct meminfo {
	size_t total, available; /* KiB */
};

static void read_line(const char *line, void *arg)
{
	static const char total[] = "MemTotal:", available[] = "MemAvailable:";
	struct meminfo *m = arg;
	size_t *to = NULL;

	if (!strncmp(line, total, sizeof(total) - 1))
		to = &m->total;
	else if (!strncmp(line, available, sizeof(available) - 1))
		to = &m->available;
	if (to)
		*to = os_number(strchr(line, ':') + 1);
}

static bool machine_is_short(const char *root)
{
	struct meminfo m = {.total = 0, .available = SIZE_MAX};
	char path[OS_PATH_MAX];

	if (!os_path_below(root, "/proc/meminfo", path) ||
	    os_each_line(path, read_line, &m) || !m.total ||
	    m.available == SIZE_MAX)
		return true; /* nobody says that it is not */
	return m.available < m.total / AVAILABLE_SHARE;
}

static void look_at(const struct os_cgroup *c, void *arg)
{
	size_t used = os_cgroup_read(c, c->is_v2 ? "/memory.current"
						 : "/memory.usage_in_bytes");
	size_t most = os_cgroup_read(c, c->is_v2 ? "/memory.max"
						 : "/memory.limit_in_bytes");
	bool *is_short = arg;

	if (c->is_v2)
		most = min_size(most, os_cgroup_read(c, "/memory.high"));
	if (used != SIZE_MAX && most != SIZE_MAX &&
	    used > most - most / FULL_SHARE)
		*is_short = true;
}

/**
 * os_memory_is_short() - is the machine, or a cgroup of the process, short?
 * @root: put before every path; "" but in tests
 *
 * Return: true if less than a quarter of the machine's memory is available, or
 * less than an eighth of a limit of the memory cgroup, or of one above, is
 * left; and if the kernel does not say.
 */
bool os_memory_is_short(const char *root)
{
	bool is_short = machine_is_short(root);

	if (!is_short)
		os_cgroup_each(root, look_at, &is_short);
	return is_short;
}
