// SPDX-License-Identifier: MIT
/*
 * Tests of ashlarctl's parts on invented input: smaps of processes that never
 * were, a status page in plain memory, JSON into a buffer. The device itself
 * is tested in guests.
 */
#include <errno.h>
#include <sys/stat.h>

#include "../../tools/ctl/admin.h"
#include "../../tools/ctl/clients.h"
#include "../../tools/ctl/device.h"
#include "../../tools/ctl/json.h"
#include "../ktap.h"

static const char smaps_text[] =
	"7f0000000000-7f0000400000 rw-s 00000000 00:0e 77   ashlar:[heap]\n"
	"Size:               4096 kB\n"
	"Rss:                3072 kB\n"
	"FilePmdMapped:      2048 kB\n"
	"VmFlags: rd wr sh\n"
	"7f0000400000-7f0000600000 ---s 00000000 00:0e 78   ashlar:[heap]\n"
	"Size:               2048 kB\n"
	"Rss:                   0 kB\n"
	"FilePmdMapped:         0 kB\n"
	"7f0800000000-7f0800001000 r--s 00000000 00:06 55   /dev/ashlar\n"
	"Size:                  4 kB\n"
	"Rss:                   4 kB\n"
	"7f1000000000-7f1000010000 r-xp 00000000 08:01 99   /lib/libashlar.so\n"
	"Size:                 64 kB\n"
	"Rss:                  64 kB\n"
	"FilePmdMapped:        64 kB\n"
	"7f2000000000-7f2000010000 rw-p 00000000 00:00 0 \n"
	"Size:                 64 kB\n"
	"Rss:                  60 kB\n";

static void parse_smaps(void)
{
	FILE *file = fmemopen((void *)smaps_text, strlen(smaps_text), "r");
	struct client client = {0};

	client_parse(&client, file);
	fclose(file);
	EXPECT_EQ(2, client.nr_regions);
	EXPECT_EQ(6144 << 10, client.len);
	EXPECT_EQ(3072 << 10, client.rss);
	EXPECT_EQ(2048 << 10, client.huge);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	if (!EXPECT(file, "%s: %s", path, strerror(errno)))
		return;
	fputs(text, file);
	fclose(file);
}

static void put_process(const char *proc, int pid, const char *comm,
			const char *smaps)
{
	char dir[200];

	snprintf(dir, sizeof(dir), "%s/%d", proc, pid);
	EXPECT(!mkdir(dir, 0755), "%s: %s", dir, strerror(errno));
	put_file(dir, "comm", comm);
	put_file(dir, "maps", smaps);
	put_file(dir, "smaps", smaps);
}

static void remove_tree(const char *dir)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	EXPECT_EQ(0, system(command));
}

static void find_clients(void)
{
	char proc[] = "/tmp/ashlar-ctl-XXXXXX";
	struct clients clients;

	if (!EXPECT(mkdtemp(proc), "%s", strerror(errno)))
		return;
	put_process(proc, 300, "server\n", smaps_text);
	put_process(proc, 20, "a \"name\"\n", smaps_text);
	put_process(proc, 21, "bystander\n",
		    "1000-2000 rw-p 00000000 00:00 0 \nSize: 4 kB\n");
	put_file(proc, "version", "not a process\n");
	if (EXPECT_EQ(0, clients_read(&clients, proc))) {
		EXPECT_EQ(2, clients.nr);
		EXPECT_EQ(0, clients.nr_unreadable);
	}
	if (clients.nr == 2) {
		EXPECT_EQ(20, clients.items[0].pid);
		EXPECT_EQ(300, clients.items[1].pid);
		EXPECT(!strcmp(clients.items[0].comm, "a \"name\""), "%s",
		       clients.items[0].comm);
		EXPECT_EQ(2048 << 10, clients.items[1].huge);
	}
	clients_fini(&clients);
	remove_tree(proc);
}

static void no_proc(void)
{
	struct clients clients;

	EXPECT_EQ(-ENOENT, clients_read(&clients, "/nowhere/proc"));
}

/* A page as a newer module might lay it out: wider nodes, further down. */
struct wide_node {
	struct ashlar_status_node node;
	uint64_t later[4];
};

struct wide_page {
	struct ashlar_status head;
	uint64_t later[8];
	struct wide_node nodes[3];
};

static struct wide_page make_page(void)
{
	struct wide_page page = {
		.head =
			{
				.seq = 6,
				.version = ASHLAR_STATUS_VERSION,
				.node_offset =
					offsetof(struct wide_page, nodes),
				.node_stride = sizeof(struct wide_node),
				.nr_nodes = 3,
				.mapped = 11,
			},
	};

	for (int i = 0; i < 3; i++)
		page.nodes[i].node.pool = 100 + i;
	return page;
}

static void read_page(void)
{
	struct wide_page page = make_page();
	struct ashlar_status_node nodes[3];
	struct ashlar_status status;

	EXPECT_EQ(0,
		  device_status(&page.head, sizeof(page), &status, nodes, 3));
	EXPECT_EQ(11, status.mapped);
	EXPECT_EQ(3, status.nr_nodes);
	EXPECT_EQ(102, nodes[2].pool);
}

static void fewer_nodes_than_there_are(void)
{
	struct wide_page page = make_page();
	struct ashlar_status_node nodes[2];
	struct ashlar_status status;

	EXPECT_EQ(0,
		  device_status(&page.head, sizeof(page), &status, nodes, 2));
	EXPECT_EQ(2, status.nr_nodes);
	EXPECT_EQ(101, nodes[1].pool);
}

static void page_always_in_motion(void)
{
	struct wide_page page = make_page();
	struct ashlar_status_node nodes[3];
	struct ashlar_status status;

	page.head.seq = 7;
	EXPECT_EQ(-EAGAIN,
		  device_status(&page.head, sizeof(page), &status, nodes, 3));
}

static void absurd_layouts(void)
{
	struct ashlar_status_node nodes[3];
	struct ashlar_status status;
	struct wide_page page = make_page();

	page.head.nr_nodes = 0xffffffff;
	EXPECT_EQ(0,
		  device_status(&page.head, sizeof(page), &status, nodes, 3));
	page.head.node_stride = 0xfffffff0;
	EXPECT_EQ(-EBADMSG,
		  device_status(&page.head, sizeof(page), &status, nodes, 3));
	page = make_page();
	page.head.node_stride = 8;
	EXPECT_EQ(-EBADMSG,
		  device_status(&page.head, sizeof(page), &status, nodes, 3));
	page = make_page();
	page.head.node_offset = 4;
	EXPECT_EQ(-EBADMSG,
		  device_status(&page.head, sizeof(page), &status, nodes, 3));
	page = make_page();
	page.head.node_offset = sizeof(page);
	EXPECT_EQ(-EBADMSG,
		  device_status(&page.head, sizeof(page), &status, nodes, 3));
	EXPECT_EQ(-EBADMSG, device_status(&page.head, 16, &status, nodes, 3));
}

static void write_json(void)
{
	static const char want[] = "{\n \"a \\\"b\\\"\": 18446744073709551615,"
				   "\n \"list\": [\n  -1,\n  {}\n ],"
				   "\n \"half\": 0.5,"
				   "\n \"text\": \"\\u000a\\\\\"\n}\n";
	char got[256] = "";
	struct json json = {.out = fmemopen(got, sizeof(got), "w")};

	json_open(&json, NULL, '{');
	json_u64(&json, "a \"b\"", UINT64_MAX);
	json_open(&json, "list", '[');
	json_i64(&json, NULL, -1);
	json_open(&json, NULL, '{');
	json_close(&json, '}');
	json_close(&json, ']');
	json_real(&json, "half", 0.5);
	json_string(&json, "text", "\n\\");
	json_close(&json, '}');
	fclose(json.out);
	EXPECT(!strcmp(got, want), "%s", got);
}

static void every_counter_has_a_place(void)
{
	const struct device_counter *counter = device_counters;
	struct ashlar_stats stats;
	size_t nr = 0;

	memset(&stats, 0, sizeof(stats));
	stats.ret_pool = 5;
	stats.ret_cow_bytes = 9;
	EXPECT_EQ(5, device_counter(&stats, &counter[0]));
	while (counter[nr].name)
		nr++;
	EXPECT_EQ(9, device_counter(&stats, &counter[nr - 1]));
	/* Size and flags come first, then nothing but counters. */
	EXPECT_EQ(sizeof(stats) / sizeof(uint64_t) - 1, nr);
}

static void sizes_in_huge_pages(void)
{
	static const struct {
		const char *text;
		int err;
		uint64_t nr;
	} cases[] = {
		{"0", 0, 0},
		{"512", 0, 512},
		{"2M", 0, 1},
		{"4096k", 0, 2},
		{"1GiB", 0, 512},
		{"3TB", 0, 3 << 19},
		{"8388607T", 0, 8388607ull << 19},
		{"8388608T", -EINVAL, 0},
		{"4398046511104", -EINVAL, 0},
		{"99999999999999999999", -EINVAL, 0},
		{"3M", -EINVAL, 0},
		{"1k", -EINVAL, 0},
		{"2Mx", -EINVAL, 0},
		{"2 M", -EINVAL, 0},
		{"-2M", -EINVAL, 0},
		{" 2M", -EINVAL, 0},
		{"M", -EINVAL, 0},
		{"", -EINVAL, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t nr = 0;
		int err = admin_parse_hunks(cases[i].text, &nr);

		EXPECT(err == cases[i].err, "%d for '%s'", err, cases[i].text);
		EXPECT(err || nr == cases[i].nr, "%llu for '%s'",
		       (unsigned long long)nr, cases[i].text);
	}
}

static void other_devices(void)
{
	char text[512] = "";
	struct device dev;

	EXPECT_EQ(-ENOTTY, device_open(&dev, "/dev/null"));
	EXPECT_EQ(-ENOENT, device_open(&dev, "/dev/no-such-node"));
	device_explain("/dev/null", -ENOTTY, text, sizeof(text));
	EXPECT(strstr(text, "not Ashlar's device"), "%s", text);
	device_explain("/dev/null", -EACCES, text, sizeof(text));
	EXPECT(strstr(text, "run as root"), "%s", text);
	device_explain("/dev/null", -EPROTO, text, sizeof(text));
	EXPECT(strstr(text, "newer ABI"), "%s", text);
}

static const struct ktap_test tests[] = {
	{"regions are found in smaps", parse_smaps},
	{"clients are found in /proc", find_clients},
	{"an unreadable /proc is an error", no_proc},
	{"a newer status page is read", read_page},
	{"no more nodes than there is room for", fewer_nodes_than_there_are},
	{"a status page in motion ends", page_always_in_motion},
	{"absurd status pages are refused", absurd_layouts},
	{"JSON is well formed", write_json},
	{"every counter has a place", every_counter_has_a_place},
	{"sizes in huge pages", sizes_in_huge_pages},
	{"other devices are refused", other_devices},
	{NULL, NULL},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
