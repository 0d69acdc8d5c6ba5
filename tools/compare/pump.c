// SPDX-License-Identifier: MIT
/*
 * Many connections, one source of operations; see pump.h.
 */
#include "pump.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* An operation under way. */
struct flight {
	struct kv_op op;
	uint64_t start_ns;
};

/**
 * struct pump_lane - a connection and its operations under way
 * @flights: ring of pump.depth entries, oldest at @head
 * @nr_queued: of them, the youngest, not given to the socket yet
 */
struct pump_lane {
	struct resp_conn conn;
	struct flight *flights;
	unsigned int head;
	unsigned int nr_flights;
	unsigned int nr_queued;
};

uint64_t pump_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/**
 * pump_init() - connect
 * @pump: where
 * @set: belongs to the caller and outlives @pump
 * @path: the server's unix socket
 * @nr_lanes: connections, at least 1
 * @depth: operations under way on each, at least 1
 *
 * Return: 0 or -errno.
 */
int pump_init(struct pump *pump, struct kvset *set, const char *path,
	      unsigned int nr_lanes, unsigned int depth)
{
	*pump = (struct pump){.set = set, .depth = depth};
	pump->lanes = calloc(nr_lanes, sizeof(*pump->lanes));
	pump->pfds = calloc(nr_lanes, sizeof(*pump->pfds));
	if (!pump->lanes || !pump->pfds) {
		pump_fini(pump);
		return -ENOMEM;
	}
	while (pump->nr_lanes < nr_lanes) {
		struct pump_lane *lane = &pump->lanes[pump->nr_lanes];
		int err = -ENOMEM;

		lane->flights = calloc(depth, sizeof(*lane->flights));
		if (lane->flights)
			err = resp_open(&lane->conn, path);
		if (err) {
			free(lane->flights);
			pump_fini(pump);
			return err;
		}
		pump->nr_lanes++;
	}
	return 0;
}

void pump_fini(struct pump *pump)
{
	for (unsigned int i = 0; i < pump->nr_lanes; i++) {
		resp_close(&pump->lanes[i].conn);
		free(pump->lanes[i].flights);
	}
	free(pump->lanes);
	free(pump->pfds);
	*pump = (struct pump){0};
}

/* Forget what was measured; what was wrong stays counted. */
void pump_reset(struct pump *pump)
{
	pump->nr_done = 0;
	pump->max_ns = 0;
	memset(pump->buckets, 0, sizeof(pump->buckets));
}

static unsigned int bucket_of(uint64_t ns)
{
	unsigned int shift = 0;

	while (ns >> shift >= 32)
		shift++;
	return shift * 16 + (ns >> shift);
}

static uint64_t bucket_ns(unsigned int bucket)
{
	if (bucket < 32)
		return bucket;
	return (16ull + bucket % 16) << (bucket / 16 - 1);
}

/* Latency that this share of the answers did not exceed, within 7 %. */
uint64_t pump_quantile_ns(const struct pump *pump, double quantile)
{
	uint64_t left = pump->nr_done * quantile;

	for (unsigned int i = 0; i < PUMP_NR_BUCKETS; i++) {
		if (left <= pump->buckets[i])
			return bucket_ns(i);
		left -= pump->buckets[i];
	}
	return pump->max_ns;
}

static int put_write(struct pump *pump, struct resp_conn *conn,
		     const struct kv_op *op, const char *key, size_t key_len)
{
	static char value[KV_VALUE_MAX];
	size_t len;
	int err;

	if (!kvset_is_hash(pump->set, op->id)) {
		resp_begin(conn, 3);
		resp_arg(conn, "SET", 3);
		resp_arg(conn, key, key_len);
		len = kvset_value(pump->set, op->id, op->version, value);
		return resp_arg(conn, value, len);
	}
	resp_begin(conn, 2 + 2 * KV_HASH_FIELDS);
	resp_arg(conn, "HSET", 4);
	err = resp_arg(conn, key, key_len);
	for (unsigned int i = 0; i < KV_HASH_FIELDS && !err; i++) {
		char name[2] = {'f', '0' + i};

		resp_arg(conn, name, sizeof(name));
		len = kvset_field(pump->set, op->id, op->version, i, value);
		err = resp_arg(conn, value, len);
	}
	return err;
}

static int put_read(struct pump *pump, struct resp_conn *conn,
		    const struct kv_op *op, const char *key, size_t key_len)
{
	int err;

	if (!kvset_is_hash(pump->set, op->id)) {
		resp_begin(conn, 2);
		resp_arg(conn, "GET", 3);
		return resp_arg(conn, key, key_len);
	}
	resp_begin(conn, 2 + KV_HASH_FIELDS);
	resp_arg(conn, "HMGET", 5);
	err = resp_arg(conn, key, key_len);
	for (unsigned int i = 0; i < KV_HASH_FIELDS && !err; i++) {
		char name[2] = {'f', '0' + i};

		err = resp_arg(conn, name, sizeof(name));
	}
	return err;
}

static int put_op(struct pump *pump, struct resp_conn *conn,
		  const struct kv_op *op)
{
	char key[KV_KEY_MAX];
	size_t len = kvset_key(pump->set, op->id, key);

	if (op->kind == KV_WRITE)
		return put_write(pump, conn, op, key, len);
	if (op->kind == KV_READ)
		return put_read(pump, conn, op, key, len);
	resp_begin(conn, 2);
	resp_arg(conn, "DEL", 3);
	return resp_arg(conn, key, len);
}

static bool same(const struct resp_str *str, const char *data, size_t len)
{
	return str->data && str->len == len && !memcmp(str->data, data, len);
}

static bool hash_matches(const struct pump *pump, const struct kv_op *op,
			 const struct resp_reply *reply)
{
	char value[KV_FIELD_MAX];

	if (reply->type != '*' || reply->nr_items != KV_HASH_FIELDS)
		return false;
	for (unsigned int i = 0; i < KV_HASH_FIELDS; i++) {
		const struct resp_str *item = &reply->items[i];
		size_t len;

		if (op->version == KV_ABSENT && !item->data)
			continue;
		if (op->version == KV_ABSENT)
			return false;
		len = kvset_field(pump->set, op->id, op->version, i, value);
		if (!same(item, value, len))
			return false;
	}
	return true;
}

static bool reply_matches(const struct pump *pump, const struct kv_op *op,
			  const struct resp_reply *reply)
{
	static char value[KV_VALUE_MAX];
	size_t len;

	if (op->kind != KV_READ)
		return reply->type == '+' || reply->type == ':';
	if (kvset_is_hash(pump->set, op->id))
		return hash_matches(pump, op, reply);
	if (reply->type != '$')
		return false;
	if (op->version == KV_ABSENT)
		return !reply->str.data;
	len = kvset_value(pump->set, op->id, op->version, value);
	return same(&reply->str, value, len);
}

static void say_wrong(const struct pump *pump, const struct kv_op *op,
		      const struct resp_reply *reply)
{
	static const char *const names[] = {"read", "write", "delete"};
	char key[KV_KEY_MAX];

	kvset_key(pump->set, op->id, key);
	fprintf(stderr, "kvload: %s of %s: expected ", names[op->kind], key);
	if (op->version == KV_ABSENT)
		fprintf(stderr, "no such key");
	else
		fprintf(stderr, "what operation %" PRIu32 " wrote, %zu bytes",
			op->version,
			kvset_value_len(pump->set, op->id, op->version));
	if (reply->type == '-')
		fprintf(stderr, ", saw the error '%.*s'\n", (int)reply->str.len,
			reply->str.data);
	else if (reply->type == '$' && reply->str.data)
		fprintf(stderr, ", saw %zu other bytes\n", reply->str.len);
	else
		fprintf(stderr, ", saw a different '%c' reply\n", reply->type);
}

static void land(struct pump *pump, struct pump_lane *lane,
		 const struct resp_reply *reply)
{
	struct flight *flight = &lane->flights[lane->head];
	uint64_t ns = pump_now_ns() - flight->start_ns;

	lane->head = (lane->head + 1) % pump->depth;
	lane->nr_flights--;
	pump->nr_done++;
	pump->buckets[bucket_of(ns)]++;
	if (ns > pump->max_ns)
		pump->max_ns = ns;
	if (reply_matches(pump, &flight->op, reply))
		return;
	if (!pump->nr_wrong++)
		say_wrong(pump, &flight->op, reply);
}

static int launch(struct pump *pump, struct pump_lane *lane,
		  const struct kv_op *op)
{
	unsigned int slot = (lane->head + lane->nr_flights) % pump->depth;

	lane->nr_flights++;
	lane->nr_queued++;
	lane->flights[slot] = (struct flight){*op, pump_now_ns()};
	return put_op(pump, &lane->conn, op);
}

static int receive(struct pump *pump, struct pump_lane *lane)
{
	struct resp_reply reply;
	int err = resp_receive(&lane->conn);

	while (!err) {
		err = resp_parse(&lane->conn, &reply);
		if (err)
			break;
		if (!lane->nr_flights)
			return -EPROTO;
		land(pump, lane, &reply);
	}
	return err == -EAGAIN ? 0 : err;
}

/*
 * Half a pipeline at a time, unless the server would run dry: a system call
 * for each command is what a client with a pipeline wants to be rid of.
 */
static bool wants_flush(const struct pump *pump, const struct pump_lane *lane)
{
	return lane->nr_queued * 2 >= pump->depth ||
	       lane->nr_queued == lane->nr_flights;
}

static int flush(struct pump *pump, struct pump_lane *lane)
{
	/* What the socket did not take the last time is under way as well. */
	if (lane->nr_queued && !wants_flush(pump, lane))
		return 0;
	lane->nr_queued = 0;
	return resp_flush(&lane->conn);
}

/* Send what is queued, wait for something to happen, take what came. */
static int turn(struct pump *pump)
{
	struct pollfd *pfds = pump->pfds;
	int err;

	for (unsigned int i = 0; i < pump->nr_lanes; i++) {
		struct pump_lane *lane = &pump->lanes[i];

		err = flush(pump, lane);
		if (err)
			return err;
		pfds[i] = (struct pollfd){.fd = lane->conn.fd};
		if (lane->nr_flights)
			pfds[i].events |= POLLIN;
		if (lane->conn.out.end && !lane->nr_queued)
			pfds[i].events |= POLLOUT;
	}
	if (poll(pfds, pump->nr_lanes, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	for (unsigned int i = 0; i < pump->nr_lanes; i++) {
		if (!(pfds[i].revents & (POLLIN | POLLHUP | POLLERR)))
			continue;
		err = receive(pump, &pump->lanes[i]);
		if (err)
			return err;
	}
	return 0;
}

static bool is_idle(const struct pump *pump)
{
	for (unsigned int i = 0; i < pump->nr_lanes; i++)
		if (pump->lanes[i].nr_flights)
			return false;
	return true;
}

/**
 * pump_run() - do all that the source yields, and wait for the last answer
 * @pump: connected
 * @source: asked for the next operation until it has none
 * @ctx: for @source
 *
 * On return no operation is under way, so the server's state is exactly the
 * data set's. Wrong answers are counted in @pump and the first is described on
 * stderr; they do not end the run.
 *
 * Return: 0, or -errno when the server went away or could not be understood.
 */
int pump_run(struct pump *pump, pump_source_fn source, void *ctx)
{
	struct kv_op op;
	bool is_held = false; /* op waits for room on its connection */
	bool is_over = false;
	int err = 0;

	while (!err) {
		while (!is_over) {
			struct pump_lane *lane;

			if (!is_held && !source(ctx, &op)) {
				is_over = true;
				break;
			}
			lane = &pump->lanes[op.id % pump->nr_lanes];
			is_held = lane->nr_flights == pump->depth;
			if (is_held)
				break;
			err = launch(pump, lane, &op);
			if (err)
				return err;
		}
		if (is_over && is_idle(pump))
			return 0;
		err = turn(pump);
	}
	return err;
}
