// SPDX-License-Identifier: MIT
/*
 * The module's files in sysfs; see sysfs.h.
 */
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_LEN = 4096 };

static void make_path(char *path, const char *dir, int node, const char *name)
{
	if (node == SYSFS_NO_NODE)
		snprintf(path, PATH_LEN, "%s/%s", dir, name);
	else
		snprintf(path, PATH_LEN, "%s/node%d/%s", dir, node, name);
}

/* Whether the module has a directory for that node. */
int sysfs_has_node(const char *dir, int node)
{
	char path[PATH_LEN];

	make_path(path, dir, node, "");
	return !access(path, F_OK);
}

/**
 * sysfs_get() - read a number
 * @dir: SYSFS_DIR
 * @node: a node, or SYSFS_NO_NODE
 * @name: the file
 * @ret_value: the number
 *
 * Return: 0; -EBADMSG if something else stands there; or what open(2) and
 * read(2) say.
 */
int sysfs_get(const char *dir, int node, const char *name, uint64_t *ret_value)
{
	char path[PATH_LEN], text[64], *end;
	uint64_t value;
	ssize_t len;
	int fd, err;

	make_path(path, dir, node, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text) - 1);
	err = -errno;
	close(fd);
	if (len < 0)
		return err;
	text[len] = '\0';
	value = strtoull(text, &end, 10);
	if (end == text || (*end && *end != '\n') || *text == '-')
		return -EBADMSG;
	*ret_value = value;
	return 0;
}

/* Write a number. Return: 0, or what open(2) and write(2) say. */
int sysfs_set(const char *dir, int node, const char *name, uint64_t value)
{
	char path[PATH_LEN], text[32];
	int fd, len, err = 0;

	make_path(path, dir, node, name);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%" PRIu64 "\n", value);
	if (write(fd, text, len) != len)
		err = -errno;
	close(fd);
	return err;
}

/**
 * sysfs_explain() - what an error means and how to mend it
 * @dir: SYSFS_DIR
 * @node: as of the failed call
 * @name: as of the failed call
 * @err: its result
 * @ret_text: one line
 * @len: room for so many bytes
 */
void sysfs_explain(const char *dir, int node, const char *name, int err,
		   char *ret_text, size_t len)
{
	char path[PATH_LEN];

	make_path(path, dir, node, name);
	if (err == -ENOENT && access(dir, F_OK))
		snprintf(ret_text, len,
			 "%s: no such directory: the module is not loaded; "
			 "`modprobe ashlar`",
			 dir);
	else if (err == -ENOENT)
		snprintf(ret_text, len,
			 "%s: no such file: the loaded module is older than "
			 "this ashlarctl, or has no such node",
			 path);
	else if (err == -EACCES || err == -EPERM)
		snprintf(ret_text, len, "%s: permission denied; run as root",
			 path);
	else if (err == -EINVAL || err == -ERANGE)
		snprintf(ret_text, len,
			 "%s: the module refused the value as out of range",
			 path);
	else
		snprintf(ret_text, len, "%s: %s", path, strerror(-err));
}
