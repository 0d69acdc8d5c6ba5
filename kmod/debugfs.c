// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/ashlar: dumps for people, without promise of a format.
 */
#include "debugfs.h"

#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/seq_file.h>

#include "client.h"
#include "numa.h"
#include "stats.h"

static void show_client(const struct client *client, void *arg)
{
	struct seq_file *seq = arg;

	seq_printf(seq, "%-8d %-16s %8u %8ld %10ld %10ld %14lu\n", client->tgid,
		   client->comm,
		   from_kuid_munged(&init_user_ns, client->account->uid),
		   atomic_long_read(&client->nr_regions),
		   atomic_long_read(&client->nr_huge),
		   atomic_long_read(&client->nr_small),
		   atomic_long_read(&client->quota.used) << PAGE_SHIFT);
}

static int clients_show(struct seq_file *seq, void *v)
{
	seq_puts(seq, "pid      comm                  uid  regions       huge       base          bytes\n");
	clients_for_each(show_client, seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(clients);

static int nodes_show(struct seq_file *seq, void *v)
{
	struct numa *node;
	int nid;

	seq_puts(seq, "node     pool   target    burst   mapped     zeroed     shrunk        zero_ns\n");
	for_each_node_state(nid, N_MEMORY) {
		node = numa_find(nid);
		seq_printf(seq, "%-4d %8lu %8lu %8lu %8lld %10lld %10lld %14lld%s\n",
			   nid, READ_ONCE(node->nr_pages),
			   READ_ONCE(node->target), READ_ONCE(node->burst),
			   atomic64_read(&node->nr_mapped),
			   atomic64_read(&node->nr_zeroed),
			   atomic64_read(&node->nr_shrunk),
			   atomic64_read(&node->zero_ns),
			   numa_under_pressure(node) ? " pressure" : "");
	}
	seq_printf(seq, "imbalance %lld\n", stats_imbalance());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(nodes);

static struct dentry *dir;

/**
 * debugfs_add() - make the files; does without if it cannot
 */
void debugfs_add(void)
{
	dir = debugfs_create_dir("ashlar", NULL);
	debugfs_create_file("clients", 0400, dir, NULL, &clients_fops);
	debugfs_create_file("nodes", 0400, dir, NULL, &nodes_fops);
}

/**
 * debugfs_remove_all() - remove them
 */
void debugfs_remove_all(void)
{
	debugfs_remove(dir);
}
