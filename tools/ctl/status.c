// SPDX-License-Identifier: MIT
/*
 * Gathers and shows what `ashlarctl status` shows; see status.h.
 */
#include "status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "sysfs.h"

static void read_version(struct status *status, const char *sysfs)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/version", sysfs);
	file = fopen(path, "re");

	strcpy(status->version, "unknown");
	if (!file)
		return;
	if (fgets(status->version, sizeof(status->version), file))
		status->version[strcspn(status->version, "\n")] = '\0';
	fclose(file);
}

static int read_page(struct status *status, const struct device *dev)
{
	if (!dev->status)
		return 0;
	status->nodes = calloc(STATUS_MAX_NODES, sizeof(*status->nodes));
	status->extras = calloc(STATUS_MAX_NODES, sizeof(*status->extras));
	if (!status->nodes || !status->extras)
		return -ENOMEM;
	status->has_page = true;
	return device_status(dev->status, dev->info.ret_status_len,
			     &status->page, status->nodes, STATUS_MAX_NODES);
}

/* A module without these files is no fault: the totals are counters. */
static void read_extras(struct status *status, const char *sysfs)
{
	for (uint32_t i = 0; i < status->page.nr_nodes; i++) {
		sysfs_get(sysfs, i, "zeroed", &status->extras[i].zeroed);
		sysfs_get(sysfs, i, "zero_ns", &status->extras[i].zero_ns);
	}
}

/**
 * status_read() - look at the module
 * @status: filled; status_fini() when done, if this succeeds
 * @dev: open
 * @opts: where the rest is read
 * @ret_what: on failure, what could not be read
 *
 * Return: 0 or -errno.
 */
int status_read(struct status *status, const struct device *dev,
		const struct options *opts, const char **ret_what)
{
	int err;

	*status = (struct status){.info = dev->info};
	read_version(status, opts->sysfs);
	*ret_what = "the module's counters";
	err = device_stats(dev, &status->stats);
	if (err)
		return err;
	*ret_what = "the status page";
	err = read_page(status, dev);
	if (err)
		goto free_nodes;
	read_extras(status, opts->sysfs);
	*ret_what = opts->proc;
	err = clients_read(&status->clients, opts->proc);
	if (err)
		goto free_nodes;
	return 0;

free_nodes:
	free(status->extras);
	free(status->nodes);
	return err;
}

void status_fini(struct status *status)
{
	clients_fini(&status->clients);
	free(status->extras);
	free(status->nodes);
}

static bool is_shown(const struct ashlar_status_node *node)
{
	return node->flags & ASHLAR_STATUS_ONLINE;
}

/* Bytes as a short text with a binary unit, in one of a few buffers. */
static const char *human(uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	static char texts[8][24];
	static unsigned int next;
	char *text = texts[next++ % 8];
	double value = bytes;
	int unit = 0;

	while (value >= 1024 && unit < 4) {
		value /= 1024;
		unit++;
	}
	snprintf(text, sizeof(texts[0]),
		 value < 10 && unit ? "%.1f %s" : "%.0f %s", value,
		 units[unit]);
	return text;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / whole : 0;
}

static void print_nodes(const struct status *status, FILE *out)
{
	uint64_t hunk = status->info.ret_hunk_size;

	fprintf(out, "\n%4s %10s %10s %10s %10s %9s %11s %6s  %s\n", "node",
		"pool", "target", "mapped", "zeroed", "cpu", "free huge",
		"frag", "state");
	for (uint32_t i = 0; i < status->page.nr_nodes; i++) {
		const struct ashlar_status_node *node = &status->nodes[i];

		if (!is_shown(node))
			continue;
		fprintf(out,
			"%4" PRIu32 " %10s %10s %10s %10s %7.2f s "
			"%11s %6.2f  %s\n",
			i, human(node->pool * hunk), human(node->target * hunk),
			human(node->mapped * hunk),
			human(status->extras[i].zeroed * hunk),
			status->extras[i].zero_ns / 1e9,
			human(node->free_hunks * hunk),
			node->frag_index / 1000.0,
			node->flags & ASHLAR_STATUS_PRESSURE ? "pressure"
							     : "calm");
	}
}

static void print_counters(const struct status *status, FILE *out)
{
	const struct ashlar_stats *stats = &status->stats;
	uint64_t hunk = status->info.ret_hunk_size;
	uint64_t page = status->info.ret_page_size;
	uint64_t touches = stats->ret_pool_hits + stats->ret_pool_misses +
			   stats->ret_fallbacks;

	fprintf(out,
		"\nfirst touches  %" PRIu64 ", %.1f %% from a pool, "
		"%llu got small pages, %llu a remote node\n",
		touches, 100 * share(stats->ret_pool_hits, touches),
		stats->ret_fallbacks, stats->ret_remote);
	fprintf(out, "zeroed         %s in %.3f s of CPU time\n",
		human(stats->ret_zeroed * hunk), stats->ret_zero_ns / 1e9);
	fprintf(out,
		"after forks    %s copied, %s of it by small pages; "
		"%llu pages folded back\n",
		human((stats->ret_cow_huge + stats->ret_fork_copied) * hunk +
		      stats->ret_cow_base * page),
		human(stats->ret_cow_base * page), stats->ret_fold_pages);
	fprintf(out,
		"in use         %s huge, %s small, %llu regions; %s "
		"given back under pressure\n",
		human(stats->ret_mapped * hunk), human(stats->ret_small * page),
		stats->ret_regions, human(stats->ret_shrunk * hunk));
}

static void print_clients(const struct status *status, FILE *out)
{
	const struct clients *clients = &status->clients;

	fprintf(out, "\n%8s %-16s %8s %10s %10s %6s\n", "process", "name",
		"regions", "reserved", "resident", "huge");
	for (size_t i = 0; i < clients->nr; i++) {
		const struct client *client = &clients->items[i];

		fprintf(out, "%8d %-16s %8u %10s %10s %5.1f%%\n",
			(int)client->pid, client->comm, client->nr_regions,
			human(client->len), human(client->rss),
			100 * share(client->huge, client->rss));
	}
	if (!clients->nr)
		fprintf(out, "%8s no process uses the device\n", "-");
	if (clients->nr_unreadable)
		fprintf(out,
			"%zu process(es) could not be looked at; run as "
			"root to see all\n",
			clients->nr_unreadable);
}

void status_print(const struct status *status, FILE *out)
{
	fprintf(out, "ashlar %s, ABI %" PRIu32 ", huge pages of %s%s\n",
		status->version, status->info.ret_abi,
		human(status->info.ret_hunk_size),
		status->info.ret_features & ASHLAR_FEAT_TESTBUILD
			? ", TEST BUILD: not for production"
			: "");
	if (status->has_page)
		print_nodes(status, out);
	print_counters(status, out);
	print_clients(status, out);
}

static void put_nodes(const struct status *status, struct json *json)
{
	json_open(json, "nodes", '[');
	for (uint32_t i = 0; i < status->page.nr_nodes; i++) {
		const struct ashlar_status_node *node = &status->nodes[i];

		if (!is_shown(node))
			continue;
		json_open(json, NULL, '{');
		json_u64(json, "node", i);
		json_u64(json, "pool", node->pool);
		json_u64(json, "target", node->target);
		json_u64(json, "mapped", node->mapped);
		json_u64(json, "zeroed", status->extras[i].zeroed);
		json_u64(json, "zero_ns", status->extras[i].zero_ns);
		json_u64(json, "free_hunks", node->free_hunks);
		json_u64(json, "free_pages", node->free_pages);
		json_i64(json, "frag_index", node->frag_index);
		json_u64(json, "collapse_budget", node->collapse_budget);
		json_u64(json, "pressure_epoch", node->pressure_epoch);
		json_u64(json, "pressure",
			 !!(node->flags & ASHLAR_STATUS_PRESSURE));
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_counters(const struct status *status, struct json *json)
{
	const struct device_counter *counter = device_counters;

	json_open(json, "counters", '{');
	for (; counter->name; counter++)
		json_u64(json, counter->name,
			 device_counter(&status->stats, counter));
	json_close(json, '}');
}

static void put_clients(const struct status *status, struct json *json)
{
	json_open(json, "clients", '[');
	for (size_t i = 0; i < status->clients.nr; i++) {
		const struct client *client = &status->clients.items[i];

		json_open(json, NULL, '{');
		json_u64(json, "pid", client->pid);
		json_string(json, "comm", client->comm);
		json_u64(json, "regions", client->nr_regions);
		json_u64(json, "bytes", client->len);
		json_u64(json, "resident", client->rss);
		json_u64(json, "huge", client->huge);
		json_real(json, "huge_share", share(client->huge, client->rss));
		json_close(json, '}');
	}
	json_close(json, ']');
	json_u64(json, "unreadable_processes", status->clients.nr_unreadable);
}

void status_print_json(const struct status *status, FILE *out)
{
	struct json json = {.out = out};

	json_open(&json, NULL, '{');
	json_string(&json, "version", status->version);
	json_u64(&json, "abi", status->info.ret_abi);
	json_u64(&json, "features", status->info.ret_features);
	json_u64(&json, "hunk_size", status->info.ret_hunk_size);
	json_u64(&json, "page_size", status->info.ret_page_size);
	put_nodes(status, &json);
	put_counters(status, &json);
	put_clients(status, &json);
	json_close(&json, '}');
}
