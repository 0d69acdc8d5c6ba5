// SPDX-License-Identifier: MIT
/*
 * Processes that hold memory of the device; see clients.h.
 */
#include "clients.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * The module's name for memory of a region, as maps shows it. A file's path
 * begins with a slash, so none can be mistaken for it; the device's own path
 * is that of the status page, which is nobody's memory.
 */
static const char region_name[] = "ashlar:[heap]\n";

/* Take one `Name: N kB` line of a region's mapping. */
static void take_field(struct client *client, const char *line)
{
	char name[32];
	uint64_t kib;

	if (sscanf(line, "%31[^:]: %" SCNu64 " kB", name, &kib) != 2)
		return;
	if (!strcmp(name, "Size"))
		client->len += kib << 10;
	else if (!strcmp(name, "Rss"))
		client->rss += kib << 10;
	else if (!strcmp(name, "FilePmdMapped"))
		client->huge += kib << 10;
}

/**
 * client_parse() - sum up a process's mappings of the device
 * @client: its numbers are added to
 * @smaps: lines of /proc/PID/smaps
 */
void client_parse(struct client *client, FILE *smaps)
{
	bool is_ours = false;
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, smaps) > 0) {
		int path = 0;

		/* Only a mapping's first line has an address range. */
		sscanf(line, "%*x-%*x %*s %*s %*s %*s %n", &path);
		if (path) {
			is_ours = !strcmp(line + path, region_name);
			client->nr_regions += is_ours;
		} else if (is_ours) {
			take_field(client, line);
		}
	}
	free(line);
}

static FILE *open_in(const char *proc, pid_t pid, const char *file)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%d/%s", proc, (int)pid, file);
	return fopen(path, "re");
}

/* maps is cheap, smaps walks page tables: look before the walk. */
static int has_region(const char *proc, pid_t pid, bool *ret_has)
{
	FILE *maps = open_in(proc, pid, "maps");
	struct client client = {0};

	if (!maps)
		return -errno;
	client_parse(&client, maps);
	if (ferror(maps)) {
		fclose(maps);
		return -EACCES;
	}
	fclose(maps);
	*ret_has = client.nr_regions;
	return 0;
}

static void read_comm(const char *proc, struct client *client)
{
	FILE *comm = open_in(proc, client->pid, "comm");

	if (!comm)
		return;
	if (fgets(client->comm, sizeof(client->comm), comm))
		client->comm[strcspn(client->comm, "\n")] = '\0';
	fclose(comm);
}

static int add(struct clients *clients, const char *proc, pid_t pid)
{
	struct client client = {.pid = pid};
	struct client *items;
	FILE *smaps;

	smaps = open_in(proc, pid, "smaps");
	if (!smaps)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	client_parse(&client, smaps);
	fclose(smaps);
	if (!client.nr_regions)
		return 0;
	read_comm(proc, &client);
	items = realloc(clients->items, (clients->nr + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	clients->items = items;
	items[clients->nr++] = client;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct client *left = a, *right = b;

	return (left->pid > right->pid) - (left->pid < right->pid);
}

/**
 * clients_read() - find every process with memory of the device
 * @clients: filled; clients_fini() when done
 * @proc: "/proc"
 *
 * A process that ends while it is looked at is left out. One that may not be
 * looked at is counted.
 *
 * Return: 0, -ENOMEM, or why @proc can't be read.
 */
int clients_read(struct clients *clients, const char *proc)
{
	struct dirent *entry;
	DIR *dir = opendir(proc);
	int err = 0;

	*clients = (struct clients){0};
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);
		bool has = false;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		err = has_region(proc, pid, &has);
		if (err == -EACCES || err == -EPERM)
			clients->nr_unreadable++;
		err = has ? add(clients, proc, pid) : 0;
	}
	closedir(dir);
	if (err) {
		clients_fini(clients);
		return err;
	}
	if (clients->nr)
		qsort(clients->items, clients->nr, sizeof(*clients->items),
		      by_pid);
	return 0;
}

void clients_fini(struct clients *clients)
{
	free(clients->items);
	*clients = (struct clients){0};
}
