/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls behind the ioctl table: checked structs in, results out. */
#ifndef ASHLAR_CALLS_H
#define ASHLAR_CALLS_H

struct client;

int call_info(struct client *client, void *arg);
int call_stats(struct client *client, void *arg);
int call_quota(struct client *client, void *arg);
int call_query(struct client *client, void *arg);
int call_hints(struct client *client, void *arg);
int call_policy(struct client *client, void *arg);
int call_discard(struct client *client, void *arg);
int call_populate(struct client *client, void *arg);
int call_fold(struct client *client, void *arg);
int call_collapse(struct client *client, void *arg);
int call_ticket(struct client *client, void *arg);
int call_unshare(struct client *client, void *arg);
int call_break(struct client *client, void *arg);
int call_move(struct client *client, void *arg);

#endif /* ASHLAR_CALLS_H */
