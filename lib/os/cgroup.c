// SPDX-License-Identifier: MIT
/*
 * Where the memory controller is: in the unified hierarchy (version 2) or in
 * one of its own (version 1).  The process names its cgroup as the hierarchy
 * does, and a container's mount shows a part of that: the mount's root is taken
 * off the name.
 *
 * All paths are below a @root, "" but in tests.
 */
#include "os/cgroup.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>

#include "arch.h"
#include "os/lines.h"
#include "os/sys.h"

struct search {
	char path[OS_PATH_MAX];	 /* of the process, in the hierarchy */
	char root[OS_PATH_MAX];	 /* of the mount, in the hierarchy */
	char mount[OS_PATH_MAX]; /* where it is mounted */
	bool want_v2;
	bool has_path, has_mount;
};

/* At most what fits; returns false if it was cut. */
static bool copy_str(char *to, const char *from, size_t len)
{
	if (len >= OS_PATH_MAX)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

static bool append(char *to, const char *s)
{
	size_t len = strlen(to);

	return copy_str(to + len, s, min_size(strlen(s), OS_PATH_MAX)) &&
	       len + strlen(s) < OS_PATH_MAX;
}

/**
 * os_path_below() - join two paths
 * @root: the first
 * @path: the second, with a slash in front
 * @ret_path: receives both, OS_PATH_MAX bytes at most
 *
 * Return: false if they are too long.
 */
bool os_path_below(const char *root, const char *path, char *ret_path)
{
	ret_path[0] = '\0';
	return append(ret_path, root) && append(ret_path, path);
}

/* Is @word in the comma-separated list [@list, @end)? */
static bool has_word(const char *list, const char *end, const char *word)
{
	size_t len = strlen(word);

	while (list < end) {
		const char *comma = memchr(list, ',', end - list);
		size_t n = (comma ? comma : end) - list;

		if (n == len && !memcmp(list, word, len))
			return true;
		list += n + 1;
	}
	return false;
}

/* "4:memory:/a/b", or "0::/a/b" in the unified hierarchy. */
static void find_path(const char *line, void *arg)
{
	struct search *s = arg;
	const char *list = strchr(line, ':');
	const char *path = list ? strchr(list + 1, ':') : NULL;
	bool is_v2;

	if (!path)
		return;
	is_v2 = path == list + 1;
	if (is_v2 != s->want_v2 ||
	    (!is_v2 && !has_word(list + 1, path, "memory")))
		return;
	s->has_path = copy_str(s->path, path + 1, strlen(path + 1));
}

/* The @n-th word of a line, from 0; *@ret_len is its length. */
static const char *word_of(const char *line, unsigned int n, size_t *ret_len)
{
	for (; n && line; n--) {
		line = strchr(line, ' ');
		line = line ? line + 1 : NULL;
	}
	if (line)
		*ret_len = strchrnul(line, ' ') - line;
	return line;
}

/* "36 35 0:31 ROOT MOUNTPOINT OPTIONS [...] - TYPE SOURCE SUPEROPTIONS" */
static void find_mount(const char *line, void *arg)
{
	struct search *s = arg;
	const char *type = strchr(line, '-'), *root, *mount, *opts;
	size_t root_len, mount_len, len;

	while (type && (type == line || type[-1] != ' ' || type[1] != ' '))
		type = strchr(type + 1, '-');
	if (!type || s->has_mount)
		return;
	type += 2;
	root = word_of(line, 3, &root_len);
	mount = word_of(line, 4, &mount_len);
	opts = word_of(type, 2, &len);
	if (!mount || !opts)
		return;
	if (s->want_v2 ? strncmp(type, "cgroup2 ", 8)
		       : strncmp(type, "cgroup ", 7) ||
				 !has_word(opts, opts + len, "memory"))
		return;
	s->has_mount = copy_str(s->root, root, root_len) &&
		       copy_str(s->mount, mount, mount_len);
}

/* The process's path as seen from the mount, without a slash at the end. */
static const char *path_in_mount(const struct search *s)
{
	size_t len = strlen(s->root);

	if (len == 1)
		len = 0;
	if (strncmp(s->path, s->root, len) ||
	    (s->path[len] && s->path[len] != '/') || strstr(s->path, "/.."))
		return "";
	return !strcmp(s->path + len, "/") ? "" : s->path + len;
}

static int find_in(const char *root, bool want_v2, struct os_cgroup *c)
{
	struct search s = {.want_v2 = want_v2};
	char file[OS_PATH_MAX] = "";
	int err;

	if (!append(file, root) || !append(file, "/proc/self/cgroup"))
		return -ENAMETOOLONG;
	err = os_each_line(file, find_path, &s);
	if (err)
		return err;
	file[0] = '\0';
	if (!append(file, root) || !append(file, "/proc/self/mountinfo"))
		return -ENAMETOOLONG;
	err = os_each_line(file, find_mount, &s);
	if (err)
		return err;
	if (!s.has_path || !s.has_mount)
		return -ENOENT;
	c->dir[0] = '\0';
	if (!append(c->dir, root) || !append(c->dir, s.mount))
		return -ENAMETOOLONG;
	c->mount_len = strlen(c->dir);
	c->is_v2 = want_v2;
	return append(c->dir, path_in_mount(&s)) ? 0 : -ENAMETOOLONG;
}

/* Does the unified hierarchy hold the memory controller? */
static bool has_memory(const struct os_cgroup *c)
{
	char path[OS_PATH_MAX] = "", text[1024];

	if (!copy_str(path, c->dir, c->mount_len) ||
	    !append(path, "/cgroup.controllers") ||
	    os_read_file(path, text, sizeof(text)) < 0)
		return false;
	for (char *at = text; *at; at++)
		if (*at == ' ' || *at == '\n')
			*at = ',';
	return has_word(text, text + strlen(text), "memory");
}

/**
 * os_cgroup_find() - the memory cgroup of this process
 * @root: put before every path; "" but in tests
 * @ret_cgroup: receives its directory
 *
 * Return: 0, or -errno: -ENOENT where there is none.
 */
int os_cgroup_find(const char *root, struct os_cgroup *ret_cgroup)
{
	int err = find_in(root, true, ret_cgroup);

	if (!err && has_memory(ret_cgroup))
		return 0;
	return find_in(root, false, ret_cgroup);
}

/**
 * os_cgroup_pressure_path() - the file on memory pressure of this process
 * @root: put before every path; "" but in tests
 * @buf: receives its path
 * @len: size of @buf
 *
 * Pressure is told by the unified hierarchy, whoever limits memory.
 *
 * Return: 0, or -errno: -ENOENT in the root cgroup, where the machine's is
 * meant.
 */
int os_cgroup_pressure_path(const char *root, char *buf, size_t len)
{
	struct os_cgroup c;
	int err = find_in(root, true, &c);

	if (err)
		return err;
	if (strlen(c.dir) == c.mount_len)
		return -ENOENT;
	if (!append(c.dir, "/memory.pressure") || strlen(c.dir) >= len)
		return -ENAMETOOLONG;
	memcpy(buf, c.dir, strlen(c.dir) + 1);
	return 0;
}

/* A number of bytes; SIZE_MAX for "max", and for version 1's "no limit". */
static size_t read_limit(const char *path)
{
	char text[64];
	size_t v;

	if (os_read_file(path, text, sizeof(text)) <= 0)
		return SIZE_MAX;
	if (text[0] < '0' || text[0] > '9')
		return SIZE_MAX;
	v = os_number(text);
	return v >= 1UL << 60 ? SIZE_MAX : v;
}

/**
 * os_cgroup_read() - a number of bytes in a file of a cgroup
 * @c: the cgroup
 * @file: its name, with a slash in front
 *
 * Return: bytes; SIZE_MAX if there is no limit, or no such file.
 */
size_t os_cgroup_read(const struct os_cgroup *c, const char *file)
{
	char path[OS_PATH_MAX];

	return os_path_below(c->dir, file, path) ? read_limit(path) : SIZE_MAX;
}

/**
 * os_cgroup_each() - the memory cgroup of this process and those above it
 * @root: put before every path; "" but in tests
 * @fn: called for each, from below
 * @arg: handed to @fn
 */
void os_cgroup_each(const char *root,
		    void (*fn)(const struct os_cgroup *c, void *arg), void *arg)
{
	struct os_cgroup c;

	if (os_cgroup_find(root, &c))
		return;
	for (size_t len = strlen(c.dir); len >= c.mount_len && len;) {
		c.dir[len] = '\0';
		fn(&c, arg);
		while (len && c.dir[--len] != '/')
			;
	}
}

static void limit_by(const struct os_cgroup *c, void *arg)
{
	size_t *limit = arg;

	*limit = min_size(
		*limit, os_cgroup_read(c, c->is_v2 ? "/memory.max"
						   : "/memory.limit_in_bytes"));
}

/**
 * os_cgroup_limit() - the strictest limit of the memory cgroup and those above
 * @root: put before every path; "" but in tests
 *
 * Return: bytes; SIZE_MAX if there is none.
 */
size_t os_cgroup_limit(const char *root)
{
	size_t limit = SIZE_MAX;

	os_cgroup_each(root, limit_by, &limit);
	return limit;
}

/**
 * os_memory_total() - memory of the machine
 *
 * Return: bytes, SIZE_MAX if the kernel does not say.
 */
size_t os_memory_total(void)
{
	struct sysinfo info;

	if (sys_call(SYS_sysinfo, (long)&info, 0, 0, 0, 0, 0))
		return SIZE_MAX;
	return (size_t)info.totalram * info.mem_unit;
}
