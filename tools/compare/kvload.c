// SPDX-License-Identifier: MIT
/*
 * The demo's load client: fills a Redis server with a known data set, loads
 * it with reads, writes and deletes, takes a snapshot in the middle of them at
 * an exactly known operation, and checks a server against the data set as of
 * any operation. One JSON object on stdout says what was done.
 *
 * It is not a benchmark of Redis in general (redis-benchmark is); it exists
 * because a snapshot can only be checked by someone who knows what must be in
 * it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvset.h"
#include "pump.h"
#include "resp.h"

struct options {
	const char *socket;
	const char *until;
	uint64_t seed;
	uint32_t nr_keys;
	uint32_t from;
	uint32_t count;
	unsigned int nr_conns;
	unsigned int depth;
	unsigned int limit_s;
};

static const char usage[] =
	"usage: kvload COMMAND -s SOCKET [options]\n"
	"  fill      store every key\n"
	"  load      do --count operations after operation --from\n"
	"  snapshot  as load, then BGSAVE, then go on until --until exists\n"
	"  verify    compare every key with the state after operation --from\n"
	"options:\n"
	"  -s, --socket PATH  the server's unix socket\n"
	"  -k, --keys N       keys in the data set (default 1000)\n"
	"  -S, --seed N       of the data set (default 1)\n"
	"  -f, --from N       operations done before (default 0)\n"
	"  -c, --count N      operations to do (default 1000)\n"
	"  -C, --conns N      connections (default 8)\n"
	"  -d, --depth N      operations under way on each (default 8)\n"
	"  -u, --until PATH   the file whose appearance ends a snapshot\n"
	"  -t, --limit S      give up on a snapshot after S seconds (600)\n";

static const struct option long_options[] = {
	{"socket", required_argument, NULL, 's'},
	{"keys", required_argument, NULL, 'k'},
	{"seed", required_argument, NULL, 'S'},
	{"from", required_argument, NULL, 'f'},
	{"count", required_argument, NULL, 'c'},
	{"conns", required_argument, NULL, 'C'},
	{"depth", required_argument, NULL, 'd'},
	{"until", required_argument, NULL, 'u'},
	{"limit", required_argument, NULL, 't'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static void die(const char *what, int err)
{
	fprintf(stderr, "kvload: %s: %s\n", what, strerror(-err));
	exit(1);
}

static uint64_t number(const char *text, int opt, uint64_t min, uint64_t max)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || n < min ||
	    n > max) {
		fprintf(stderr,
			"kvload: -%c '%s': give a number from %" PRIu64
			" to %" PRIu64 "\n",
			opt, text, min, max);
		exit(2);
	}
	return n;
}

static void take_option(struct options *opts, int opt, const char *arg)
{
	enum { MAX_KEYS = 100000000, MAX_OPS = 2000000000 };

	switch (opt) {
	case 's':
		opts->socket = arg;
		break;
	case 'u':
		opts->until = arg;
		break;
	case 'k':
		opts->nr_keys = number(arg, opt, 1, MAX_KEYS);
		break;
	case 'S':
		opts->seed = number(arg, opt, 0, UINT64_MAX);
		break;
	case 'f':
		opts->from = number(arg, opt, 0, MAX_OPS);
		break;
	case 'c':
		opts->count = number(arg, opt, 0, MAX_OPS);
		break;
	case 'C':
		opts->nr_conns = number(arg, opt, 1, 1000);
		break;
	case 'd':
		opts->depth = number(arg, opt, 1, 10000);
		break;
	case 't':
		opts->limit_s = number(arg, opt, 1, 86400);
		break;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

/* A source that walks over all keys once. */
struct walk {
	const struct kvset *set;
	enum kv_op_kind kind;
	uint32_t id;
};

static bool walk_next(void *ctx, struct kv_op *ret_op)
{
	struct walk *walk = ctx;

	if (walk->id == walk->set->nr_keys)
		return false;
	ret_op->kind = walk->kind;
	ret_op->id = walk->id;
	ret_op->version = walk->set->versions[walk->id++];
	return true;
}

/*
 * A source that goes on with the operations, so many or until a file is
 * there; looking for it is a system call, so not at each operation.
 */
struct stream {
	struct kvset *set;
	uint32_t left;
	const char *until;
	uint64_t deadline_ns;
	bool is_late;
};

static bool stream_next(void *ctx, struct kv_op *ret_op)
{
	enum { LOOK_EVERY = 256 };
	struct stream *stream = ctx;

	if (!stream->left)
		return false;
	stream->left--;
	if (stream->until && stream->left % LOOK_EVERY == 0) {
		if (!access(stream->until, F_OK))
			return false;
		stream->is_late = pump_now_ns() > stream->deadline_ns;
		if (stream->is_late)
			return false;
	}
	kvset_next(stream->set, ret_op);
	return true;
}

static void report(const struct pump *pump, const char *name, uint64_t ns)
{
	printf("\"%s\": {\"requests\": %" PRIu64 ", \"seconds\": %.6f, "
	       "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}, ",
	       name, pump->nr_done, ns / 1e9,
	       pump_quantile_ns(pump, 0.50) / 1e3,
	       pump_quantile_ns(pump, 0.99) / 1e3, pump->max_ns / 1e3);
}

static void timed_run(struct pump *pump, const char *name,
		      pump_source_fn source, void *ctx)
{
	uint64_t start_ns = pump_now_ns();
	int err;

	pump_reset(pump);
	err = pump_run(pump, source, ctx);
	if (err)
		die("talking to the server", err);
	report(pump, name, pump_now_ns() - start_ns);
}

static void bgsave(const char *socket)
{
	struct resp_reply reply;
	struct resp_conn conn;
	int err = resp_open(&conn, socket);

	if (!err)
		err = resp_call(&conn, "BGSAVE", &reply);
	if (err)
		die("BGSAVE", err);
	if (reply.type != '+') {
		fprintf(stderr, "kvload: BGSAVE: %.*s\n", (int)reply.str.len,
			reply.str.data);
		exit(1);
	}
	resp_close(&conn);
}

static void run_load(struct pump *pump, const struct options *opts)
{
	struct stream stream = {.set = pump->set, .left = opts->count};

	timed_run(pump, "load", stream_next, &stream);
}

/*
 * The server forks inside BGSAVE, before it answers. When it is asked nothing
 * else is under way, and nothing is sent before its answer: all operations up
 * to here are in the snapshot and none of those that follow.
 */
static void run_snapshot(struct pump *pump, const struct options *opts)
{
	struct stream stream = {.set = pump->set, .left = opts->count};

	timed_run(pump, "before", stream_next, &stream);
	printf("\"ops_at_fork\": %" PRIu32 ", ", pump->set->nr_ops);
	printf("\"bytes_at_fork\": %" PRIu64 ", ", kvset_live_len(pump->set));
	bgsave(opts->socket);
	stream.left = UINT32_MAX;
	stream.until = opts->until;
	stream.deadline_ns = pump_now_ns() + opts->limit_s * 1000000000ull;
	timed_run(pump, "during", stream_next, &stream);
	if (stream.is_late) {
		fprintf(stderr, "kvload: no '%s' after %u s (--limit)\n",
			opts->until, opts->limit_s);
		exit(1);
	}
}

static void run_verify(struct pump *pump, const struct options *opts)
{
	struct walk walk = {.set = pump->set, .kind = KV_READ};
	uint32_t nr_live = kvset_nr_live(pump->set);
	struct resp_reply reply;
	struct resp_conn conn;
	int err;

	timed_run(pump, "verify", walk_next, &walk);
	err = resp_open(&conn, opts->socket);
	if (!err)
		err = resp_call(&conn, "DBSIZE", &reply);
	if (err || reply.type != ':')
		die("DBSIZE", err ? err : -EPROTO);
	resp_close(&conn);
	printf("\"keys\": %lld, ", reply.number);
	if (reply.number == nr_live)
		return;
	fprintf(stderr, "kvload: expected %" PRIu32 " keys, saw %lld\n",
		nr_live, reply.number);
	pump->nr_wrong++;
}

static void run_command(struct pump *pump, const char *command,
			const struct options *opts)
{
	struct walk walk = {.set = pump->set, .kind = KV_WRITE};

	if (!strcmp(command, "fill")) {
		timed_run(pump, "fill", walk_next, &walk);
	} else if (!strcmp(command, "load")) {
		run_load(pump, opts);
	} else if (!strcmp(command, "verify")) {
		run_verify(pump, opts);
	} else if (!strcmp(command, "snapshot") && opts->until) {
		run_snapshot(pump, opts);
	} else {
		fputs(usage, stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options opts = {
		.seed = 1,
		.nr_keys = 1000,
		.count = 1000,
		.nr_conns = 8,
		.depth = 8,
		.limit_s = 600,
	};
	struct kv_op op;
	struct kvset set;
	struct pump pump;
	int opt, err;

	while ((opt = getopt_long(argc, argv, "s:k:S:f:c:C:d:u:t:h",
				  long_options, NULL)) != -1)
		take_option(&opts, opt, optarg);
	if (optind + 1 != argc || !opts.socket) {
		fputs(usage, stderr);
		return 2;
	}
	err = kvset_init(&set, opts.seed, opts.nr_keys);
	if (err)
		die("the data set", err);
	while (set.nr_ops < opts.from)
		kvset_next(&set, &op);
	err = pump_init(&pump, &set, opts.socket, opts.nr_conns, opts.depth);
	if (err)
		die(opts.socket, err);

	printf("{");
	run_command(&pump, argv[optind], &opts);
	printf("\"ops\": %" PRIu32 ", \"live_keys\": %" PRIu32
	       ", \"live_bytes\": %" PRIu64 ", \"wrong\": %" PRIu64 "}\n",
	       set.nr_ops, kvset_nr_live(&set), kvset_live_len(&set),
	       pump.nr_wrong);
	err = pump.nr_wrong ? 1 : 0;
	pump_fini(&pump);
	kvset_fini(&set);
	return err;
}
