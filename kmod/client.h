/* SPDX-License-Identifier: GPL-2.0-only */
/* An open file: whose memory it is, how much, and how much it may be. */
#ifndef ASHLAR_CLIENT_H
#define ASHLAR_CLIENT_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/uidgid.h>
#include <uapi/linux/ashlar.h>

/**
 * struct quota - base pages held against a limit
 * @used: base pages held now
 * @limit: base pages allowed, 0: no limit
 */
struct quota {
	atomic_long_t used;
	unsigned long limit;
};

/**
 * struct account - what one uid holds, over all its open files
 * @node: in the list of accounts; guarded by the list's lock
 * @refs: one for each client; guarded by the list's lock
 * @uid: who
 * @quota: limit is the administrator's, the same for all
 */
struct account {
	struct list_head node;
	unsigned int refs;
	kuid_t uid;
	struct quota quota;
};

/**
 * struct client - an open file and the regions made through it
 * @refs: the file, and every region family
 * @node: in the list of clients; guarded by the list's lock
 * @account: of who opened the file
 * @quota: of the file
 * @nr_regions: regions now
 * @nr_huge: huge pages now; those shared after fork count once
 * @nr_small: base pages now
 * @tgid: process that opened the file
 * @comm: its name then
 * @is_open: the file is open, or else only its regions live
 * @seen: events that the file has acknowledged
 */
struct client {
	refcount_t refs;
	struct list_head node;
	struct account *account;
	struct quota quota;
	atomic_long_t nr_regions;
	atomic_long_t nr_huge;
	atomic_long_t nr_small;
	pid_t tgid;
	char comm[TASK_COMM_LEN];
	bool is_open;
	struct ashlar_event seen;
};

/* Limits for every file and uid, base pages; 0: none. */
extern unsigned long quota_file_pages, quota_user_pages;

struct client *client_create(void);
struct client *client_get(struct client *client);
void client_put(struct client *client);
int client_charge(struct client *client, unsigned long nr_pages,
		  bool is_forced);
void client_uncharge(struct client *client, unsigned long nr_pages);
unsigned long client_file_limit(const struct client *client);
void clients_for_each(void (*fn)(const struct client *client, void *arg),
		      void *arg);

#endif /* ASHLAR_CLIENT_H */
