// SPDX-License-Identifier: MIT
/*
 * Commands that change the module's settings; see admin.h.
 */
#include "admin.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients.h"
#include "json.h"
#include "sysfs.h"

enum { MAX_NODES = 1024, HUNK_SHIFT = 21 };

/* A node's settings, in huge pages. */
struct target {
	uint64_t pool;
	uint64_t now;
	uint64_t min;
	uint64_t max;
};

static int complain(const struct options *opts, int node, const char *name,
		    int err)
{
	char text[8192];

	sysfs_explain(opts->sysfs, node, name, err, text, sizeof(text));
	fprintf(stderr, "ashlarctl: %s\n", text);
	return EXIT_FAULT;
}

/**
 * admin_parse_hunks() - a number of huge pages, or of bytes with a unit
 * @text: such as 512, 1G or 64MiB
 * @ret_nr_hunks: huge pages of 2 MiB
 *
 * Return: 0, or -EINVAL if @text is neither, or no whole number of huge pages.
 */
int admin_parse_hunks(const char *text, uint64_t *ret_nr_hunks)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t value;
	char *end;
	int shift;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || !isdigit((unsigned char)*text))
		return -EINVAL;
	if (!*end) {
		*ret_nr_hunks = value;
		return value >> (63 - HUNK_SHIFT) ? -EINVAL : 0;
	}
	unit = strchr(units, toupper((unsigned char)*end));
	if (!unit || (end[1] && strcmp(end + 1, "iB") && strcmp(end + 1, "B")))
		return -EINVAL;
	shift = 10 * (unit - units + 1);
	if (value >> (63 - shift) || (value << shift) % (1ull << HUNK_SHIFT))
		return -EINVAL;
	*ret_nr_hunks = value << shift >> HUNK_SHIFT;
	return 0;
}

static int read_target(const struct options *opts, int node,
		       struct target *ret_target)
{
	const struct {
		const char *name;
		uint64_t *value;
	} files[] = {
		{"pool", &ret_target->pool},
		{"target", &ret_target->now},
		{"min_target", &ret_target->min},
		{"max_target", &ret_target->max},
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int err = sysfs_get(opts->sysfs, node, files[i].name,
				    files[i].value);

		if (err)
			return complain(opts, node, files[i].name, err);
	}
	return EXIT_OK;
}

static void print_target(int node, const struct target *target)
{
	printf("%4d %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "\n",
	       node, target->pool, target->now, target->min, target->max);
}

static void put_target(struct json *json, int node, const struct target *target)
{
	json_open(json, NULL, '{');
	json_u64(json, "node", node);
	json_u64(json, "pool", target->pool);
	json_u64(json, "target", target->now);
	json_u64(json, "min_target", target->min);
	json_u64(json, "max_target", target->max);
	json_close(json, '}');
}

static int show_targets(const struct options *opts)
{
	struct json json = {.out = stdout};
	int first = 0, err = 0;

	while (first < MAX_NODES && !sysfs_has_node(opts->sysfs, first))
		first++;
	if (first == MAX_NODES)
		return complain(opts, 0, "target", -ENOENT);
	if (opts->is_json)
		json_open(&json, NULL, '[');
	else
		printf("%4s %10s %10s %10s %10s  (huge pages)\n", "node",
		       "pool", "target", "min", "max");
	for (int node = first; node < MAX_NODES && !err; node++) {
		struct target target;

		if (!sysfs_has_node(opts->sysfs, node))
			continue;
		err = read_target(opts, node, &target);
		if (!err && opts->is_json)
			put_target(&json, node, &target);
		else if (!err)
			print_target(node, &target);
	}
	if (opts->is_json)
		json_close(&json, ']');
	return err;
}

/* The floor before the ceiling when both rise, after it when both fall. */
static int set_target(const struct options *opts, int node, uint64_t min,
		      uint64_t max)
{
	uint64_t old_max;
	int err = sysfs_get(opts->sysfs, node, "max_target", &old_max);

	if (err)
		return complain(opts, node, "max_target", err);
	if (max >= old_max)
		err = sysfs_set(opts->sysfs, node, "max_target", max);
	if (err)
		return complain(opts, node, "max_target", err);
	err = sysfs_set(opts->sysfs, node, "min_target", min);
	if (err)
		return complain(opts, node, "min_target", err);
	if (max < old_max)
		err = sysfs_set(opts->sysfs, node, "max_target", max);
	return err ? complain(opts, node, "max_target", err) : EXIT_OK;
}

static int parse_node(const char *text, int *ret_node)
{
	char *end;
	long node = strtol(text, &end, 10);

	if (end == text || *end || node < 0 || node >= MAX_NODES)
		return -EINVAL;
	*ret_node = node;
	return 0;
}

static int bad_argument(const char *text, const char *expected)
{
	fprintf(stderr, "ashlarctl: '%s': expected %s\n", text, expected);
	return EXIT_USAGE;
}

/**
 * admin_targets() - show or set how many huge pages are kept zeroed
 * @opts: of the command line
 * @argc: arguments after the command's name
 * @argv: none to show; NODE MIN [MAX] to set
 *
 * Return: an exit status.
 */
int admin_targets(const struct options *opts, int argc, char **argv)
{
	static const char size[] = "a number of huge pages, or a multiple of "
				   "2M such as 512M or 4G";
	uint64_t min, max;
	int node;

	if (!argc)
		return show_targets(opts);
	if (argc < 2 || argc > 3)
		return bad_argument(argv[0],
				    "no argument to show the "
				    "targets, or NODE MIN [MAX] to set them");
	if (parse_node(argv[0], &node))
		return bad_argument(argv[0], "a node's number");
	if (admin_parse_hunks(argv[1], &min))
		return bad_argument(argv[1], size);
	max = min;
	if (argc == 3 && admin_parse_hunks(argv[2], &max))
		return bad_argument(argv[2], size);
	if (max < min)
		return bad_argument(argv[2], "no less than the minimum");
	return set_target(opts, node, min, max);
}

/* Who keeps the module from being unloaded. */
static int show_holders(const struct options *opts)
{
	struct clients clients;
	int err = clients_read(&clients, opts->proc);

	if (err) {
		fprintf(stderr, "ashlarctl: %s: %s\n", opts->proc,
			strerror(-err));
		return EXIT_FAULT;
	}
	for (size_t i = 0; i < clients.nr; i++)
		printf("process %d (%s) holds %" PRIu64 " KiB\n",
		       (int)clients.items[i].pid, clients.items[i].comm,
		       clients.items[i].rss >> 10);
	if (!clients.nr)
		puts("no process holds memory of the device");
	if (clients.nr_unreadable)
		printf("%zu process(es) could not be looked at; run as root\n",
		       clients.nr_unreadable);
	clients_fini(&clients);
	return EXIT_OK;
}

/**
 * admin_drain() - stop handing out memory, so that the module can go
 * @opts: of the command line
 * @argc: arguments after the command's name
 * @argv: on, off, or none to see
 *
 * Running programs keep what they have and take new memory elsewhere.
 *
 * Return: an exit status.
 */
int admin_drain(const struct options *opts, int argc, char **argv)
{
	uint64_t is_on;
	int err = 0;

	if (argc > 1)
		return bad_argument(argv[1], "one argument at most");
	if (argc && strcmp(argv[0], "on") && strcmp(argv[0], "off"))
		return bad_argument(argv[0], "on, off, or nothing to see");
	if (argc)
		err = sysfs_set(opts->sysfs, SYSFS_NO_NODE, "drain",
				!strcmp(argv[0], "on"));
	if (!err)
		err = sysfs_get(opts->sysfs, SYSFS_NO_NODE, "drain", &is_on);
	if (err)
		return complain(opts, SYSFS_NO_NODE, "drain", err);
	puts(is_on ? "draining: no new memory is handed out" : "not draining");
	return is_on ? show_holders(opts) : EXIT_OK;
}
