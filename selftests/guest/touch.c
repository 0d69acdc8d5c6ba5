// SPDX-License-Identifier: MIT
/*
 * First touch, placement of it, discard and populate, and how all that looks
 * in /proc.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/mempolicy.h>

#include "guest.h"
#include "ktap.h"

#define NR 32

static size_t nr_nonzero(const char *p, size_t len)
{
	const uint64_t *words = (const void *)p;
	size_t i, nr = 0;

	for (i = 0; i < len / sizeof(*words); i++)
		nr += words[i] != 0;
	return nr;
}

static void first_touch(void)
{
	long faults;
	char *p;

	set_pools(NR + 4);
	p = map_region(NR * HUNK);
	faults = nr_minor_faults();
	memset(p, 1, NR * HUNK);
	faults = nr_minor_faults() - faults;
	EXPECT(faults <= NR + 2, "%ld faults for %d hunks", faults, NR);
	EXPECT_EQ((long)(NR * HUNK / 1024),
		  smaps_kib(p, NR * HUNK, "FilePmdMapped"));
	EXPECT_EQ((long)(NR * HUNK / 1024), smaps_kib(p, NR * HUNK, "Rss"));
	munmap(p, NR * HUNK);
}

static void reads_zero(void)
{
	char *p;

	p = map_region(4 * HUNK);
	EXPECT_EQ(0, (long)nr_nonzero(p, 4 * HUNK));
	memset(p, 0x5a, 4 * HUNK);
	EXPECT_EQ(0, do_discard(p, 4 * HUNK, NULL));
	EXPECT_EQ(0, smaps_kib(p, 4 * HUNK, "Rss"));
	EXPECT_EQ(0, (long)nr_nonzero(p, 4 * HUNK));
	munmap(p, 4 * HUNK);
}

static void on_the_local_node(void)
{
	int cpu, i, nid;
	char *p;

	for (cpu = 0; cpu < 2; cpu++) {
		pin_cpu(cpu);
		wait_pools(8);
		p = map_region(4 * HUNK);
		unsigned int here;

		syscall(SYS_getcpu, NULL, &here, NULL);
		for (i = 0; i < 4; i++) {
			p[i * HUNK] = 1;
			nid = node_of(p + i * HUNK);
			EXPECT_EQ((int)here, nid);
		}
		munmap(p, 4 * HUNK);
	}
	unpin();
}

static void bound_by_mbind(void)
{
	unsigned long mask = 2;
	char *p;

	pin_cpu(0);
	wait_pools(4);
	p = map_region(2 * HUNK);
	EXPECT_EQ(0, (int)syscall(SYS_mbind, p, 2 * HUNK, MPOL_BIND, &mask,
				  64UL, 0));
	p[0] = p[HUNK] = 1;
	EXPECT_EQ(1, node_of(p));
	EXPECT_EQ(1, node_of(p + HUNK));
	munmap(p, 2 * HUNK);
	unpin();
}

static void bound_by_task_policy(void)
{
	unsigned long mask = 2;
	char *p;

	pin_cpu(0);
	p = map_region(HUNK);
	EXPECT_EQ(0, (int)syscall(SYS_set_mempolicy, MPOL_BIND, &mask, 64UL));
	p[0] = 1;
	EXPECT_EQ(0, (int)syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0UL));
	EXPECT_EQ(1, node_of(p));
	munmap(p, HUNK);
	unpin();
}

static void interleaved_by_mbind(void)
{
	unsigned long mask = 3;
	int i, nr[2] = { 0 };
	char *p;

	wait_pools(8);
	p = map_region(8 * HUNK);
	EXPECT_EQ(0, (int)syscall(SYS_mbind, p, 8 * HUNK, MPOL_INTERLEAVE,
				  &mask, 64UL, 0));
	for (i = 0; i < 8; i++) {
		p[i * HUNK] = 1;
		nr[node_of(p + i * HUNK) & 1]++;
	}
	EXPECT_EQ(4, nr[0]);
	EXPECT_EQ(4, nr[1]);
	munmap(p, 8 * HUNK);
}

static void discard_counts(void)
{
	uint64_t done = 99;
	char *p;

	p = map_region(8 * HUNK);
	EXPECT_EQ(0, do_discard(p, 8 * HUNK, &done));
	EXPECT_EQ(0, (long)done);
	p[HUNK] = p[3 * HUNK] = 1;
	EXPECT_EQ(0, do_discard(p, 8 * HUNK, &done));
	EXPECT_EQ(2, (long)done);
	munmap(p, 8 * HUNK);
}

static void discard_by_madvise(void)
{
	char *p;

	p = map_region(3 * HUNK);
	memset(p, 9, 3 * HUNK);
	EXPECT_EQ(0, madvise(p + HUNK, HUNK, MADV_REMOVE));
	EXPECT_EQ(9, p[HUNK - 1]);
	EXPECT_EQ(0, (long)nr_nonzero(p + HUNK, HUNK));
	EXPECT_EQ(9, p[2 * HUNK]);
	EXPECT_EQ(-1, madvise(p + 4096, 8192, MADV_REMOVE));
	munmap(p, 3 * HUNK);
}

static void populate_maps(void)
{
	uint64_t done = 0;
	long faults;
	char *p;

	wait_pools(NR);
	p = map_region(NR * HUNK);
	EXPECT_EQ(0, do_populate(p, NR * HUNK, 0, &done));
	EXPECT_EQ(NR, (long)done);
	EXPECT_EQ((long)(NR * HUNK / 1024),
		  smaps_kib(p, NR * HUNK, "FilePmdMapped"));
	faults = nr_minor_faults();
	memset(p, 1, NR * HUNK);
	faults = nr_minor_faults() - faults;
	EXPECT(faults < NR / 4, "%ld faults after populate", faults);
	munmap(p, NR * HUNK);
}

static void populate_without_mapping(void)
{
	struct ashlar_hunk hunk[2];
	char *p;

	wait_pools(4);
	p = map_region(2 * HUNK);
	EXPECT_EQ(0, do_populate(p, 2 * HUNK, ASHLAR_POPULATE_NOMAP, NULL));
	EXPECT_EQ(0, smaps_kib(p, 2 * HUNK, "Rss"));
	EXPECT_EQ(0, do_query(p, 2, hunk));
	EXPECT_EQ(ASHLAR_HUNK_HUGE, hunk[0].flags & ASHLAR_HUNK_HUGE);
	p[0] = 1;
	EXPECT_EQ(2048, smaps_kib(p, 2 * HUNK, "FilePmdMapped"));
	munmap(p, 2 * HUNK);
}

static void named_in_maps(void)
{
	char line[512];
	bool is_found = false;
	FILE *maps;
	char *p;

	p = map_region(HUNK);
	maps = fopen("/proc/self/maps", "re");
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "ashlar:[heap]"))
			is_found = true;
	EXPECT(is_found, "no ashlar:[heap] in /proc/self/maps");
	if (maps)
		fclose(maps);
	munmap(p, HUNK);
}

static void fdinfo_counts(void)
{
	char path[64], line[128];
	long huge = -1;
	FILE *file;
	char *p;

	p = map_region(4 * HUNK);
	memset(p, 1, 3 * HUNK);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "ashlar-huge-pages: %ld", &huge);
	EXPECT_EQ(3, huge);
	if (file)
		fclose(file);
	munmap(p, 4 * HUNK);
}

static bool shows_target(void *arg)
{
	const struct ashlar_status_node *node = arg;

	return (long)node->target == read_number(ASHLAR_SYSFS "node0/target");
}

static void status_page(void)
{
	const struct ashlar_status_node *node;
	const struct ashlar_status *status;
	struct ashlar_info info;
	char *p;

	EXPECT_EQ(0, do_info(&info));
	status = mmap(NULL, info.ret_status_len, PROT_READ, MAP_SHARED, dev,
		      info.ret_status_offset);
	if (!EXPECT(status != MAP_FAILED, "%s", strerror(errno)))
		return;
	EXPECT_EQ(ASHLAR_STATUS_VERSION, status->version);
	EXPECT_EQ(info.ret_nr_nodes, status->nr_nodes);
	p = map_region(4 * HUNK);
	memset(p, 1, 4 * HUNK);
	uint64_t before = status->updated_ns;

	usleep(500000);
	EXPECT(status->updated_ns > before, "no refresh in half a second");
	EXPECT_EQ(0, status->seq & 1);
	EXPECT_EQ(4, (long)status->mapped);
	node = (const void *)((const char *)status + status->node_offset);
	EXPECT_EQ(ASHLAR_STATUS_ONLINE, node->flags & ASHLAR_STATUS_ONLINE);
	EXPECT(node->free_pages > 1000, "%llu free pages", node->free_pages);
	/* It follows demand, and the page is written anew a little later. */
	EXPECT(wait_for(shows_target, (void *)node, 10000), "target %lu, %lld",
	       (unsigned long)node->target,
	       (long long)read_number(ASHLAR_SYSFS "node0/target"));
	EXPECT(mmap(NULL, info.ret_status_len, PROT_READ | PROT_WRITE,
		    MAP_SHARED, dev, info.ret_status_offset) == MAP_FAILED,
	       "the status page mapped writable");
	EXPECT(mprotect((void *)status, info.ret_status_len,
			PROT_READ | PROT_WRITE) != 0,
	       "the status page made writable");
	munmap((void *)status, info.ret_status_len);
	munmap(p, 4 * HUNK);
}

static void nothing_left(void)
{
	EXPECT(wait_for(balanced, NULL, 5000),
	       "mapped %lld parked %lld small %lld imbalance %lld",
	       stat_now("mapped"), stat_now("parked"), stat_now("small"),
	       read_number(ASHLAR_SYSFS "imbalance"));
}

static const struct ktap_test tests[] = {
	{ "first_touch", first_touch },
	{ "reads_zero", reads_zero },
	{ "on_the_local_node", on_the_local_node },
	{ "bound_by_mbind", bound_by_mbind },
	{ "bound_by_task_policy", bound_by_task_policy },
	{ "interleaved_by_mbind", interleaved_by_mbind },
	{ "discard_counts", discard_counts },
	{ "discard_by_madvise", discard_by_madvise },
	{ "populate_maps", populate_maps },
	{ "populate_without_mapping", populate_without_mapping },
	{ "named_in_maps", named_in_maps },
	{ "fdinfo_counts", fdinfo_counts },
	{ "status_page", status_page },
	{ "nothing_left", nothing_left },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	dev_open();
	return ktap_main(tests, argc, argv);
}
