// SPDX-License-Identifier: GPL-2.0-only
/*
 * An open file: whose memory it is, how much, and how much it may be.
 *
 * The quotas here are the module's own, beside the memory cgroup's (park.c).
 * Memory is counted against the open file that its region was mapped through,
 * and the uid that opened it, from hand-out to the last put, whoever touches it.
 *
 * The list lock is never held across an allocation or another lock.
 */
#include "client.h"

#include <linux/cred.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "failpoint.h"
#include "stats.h"

unsigned long quota_file_pages, quota_user_pages;

static LIST_HEAD(clients);
static LIST_HEAD(accounts);
static DEFINE_MUTEX(clients_lock);

/* Caller holds clients_lock. */
static struct account *account_find(kuid_t uid)
{
	struct account *account;

	list_for_each_entry(account, &accounts, node)
		if (uid_eq(account->uid, uid))
			return account;
	return NULL;
}

/* Takes over @fresh, or frees it if the user is known already. */
static struct account *account_get(struct account *fresh)
{
	struct account *account;

	mutex_lock(&clients_lock);
	account = account_find(fresh->uid);
	if (!account) {
		account = fresh;
		list_add(&account->node, &accounts);
		fresh = NULL;
	}
	account->refs++;
	mutex_unlock(&clients_lock);
	kfree(fresh);
	return account;
}

static void account_put(struct account *account)
{
	bool is_last;

	mutex_lock(&clients_lock);
	is_last = !--account->refs;
	if (is_last)
		list_del(&account->node);
	mutex_unlock(&clients_lock);
	if (is_last) {
		WARN_ON_ONCE(atomic_long_read(&account->quota.used));
		kfree(account);
	}
}

/**
 * client_create() - for a file that the current task opens
 *
 * Return: the client, with one reference, or NULL if there is no memory.
 */
struct client *client_create(void)
{
	struct client *client;
	struct account *account;

	if (should_fail_at(FAIL_META))
		return NULL;
	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	account = should_fail_at(FAIL_META) ?
		NULL : kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);
	if (!client || !account) {
		kfree(client);
		kfree(account);
		return NULL;
	}
	account->uid = current_euid();
	client->account = account_get(account);
	refcount_set(&client->refs, 1);
	client->tgid = current->tgid;
	get_task_comm(client->comm, current->group_leader);
	client->is_open = true;

	mutex_lock(&clients_lock);
	list_add_tail(&client->node, &clients);
	mutex_unlock(&clients_lock);
	return client;
}

/**
 * client_get() - take a reference
 * @client: the client
 */
struct client *client_get(struct client *client)
{
	refcount_inc(&client->refs);
	return client;
}

/**
 * client_put() - drop a reference
 * @client: the client
 */
void client_put(struct client *client)
{
	if (!refcount_dec_and_test(&client->refs))
		return;
	mutex_lock(&clients_lock);
	list_del(&client->node);
	mutex_unlock(&clients_lock);
	WARN_ON_ONCE(atomic_long_read(&client->quota.used));
	account_put(client->account);
	kfree(client);
}

/**
 * client_file_limit() - the limit in force for an open file
 * @client: the file's
 *
 * Return: base pages, 0: none; the lower of the file's own and everybody's.
 */
unsigned long client_file_limit(const struct client *client)
{
	unsigned long own = READ_ONCE(client->quota.limit);
	unsigned long all = READ_ONCE(quota_file_pages);

	return min_not_zero(own, all);
}

static bool quota_charge(struct quota *quota, unsigned long limit,
			 unsigned long nr_pages, bool is_forced)
{
	unsigned long used = atomic_long_add_return(nr_pages, &quota->used);

	if (!limit || used <= limit || is_forced)
		return true;
	atomic_long_sub(nr_pages, &quota->used);
	return false;
}

/**
 * client_charge() - count pages against the quotas
 * @client: whose
 * @nr_pages: base pages
 * @is_forced: count, but do not refuse
 *
 * Return: 0, or -EDQUOT and nothing is counted.
 */
int client_charge(struct client *client, unsigned long nr_pages, bool is_forced)
{
	struct quota *mine = &client->quota, *all = &client->account->quota;

	if (!quota_charge(mine, client_file_limit(client), nr_pages, is_forced))
		goto refused;
	if (!quota_charge(all, READ_ONCE(quota_user_pages), nr_pages,
			  is_forced)) {
		atomic_long_sub(nr_pages, &mine->used);
		goto refused;
	}
	return 0;
refused:
	stat_inc(STAT_quota_fails);
	return -EDQUOT;
}

/**
 * client_uncharge() - undo client_charge()
 * @client: whose
 * @nr_pages: base pages
 */
void client_uncharge(struct client *client, unsigned long nr_pages)
{
	atomic_long_sub(nr_pages, &client->quota.used);
	atomic_long_sub(nr_pages, &client->account->quota.used);
}

/**
 * clients_for_each() - look at every open file with memory or without
 * @fn: called under the list lock; may not sleep for long
 * @arg: handed to @fn
 */
void clients_for_each(void (*fn)(const struct client *client, void *arg),
		      void *arg)
{
	struct client *client;

	mutex_lock(&clients_lock);
	list_for_each_entry(client, &clients, node)
		fn(client, arg);
	mutex_unlock(&clients_lock);
}
