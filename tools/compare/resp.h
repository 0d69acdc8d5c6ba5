/* SPDX-License-Identifier: MIT */
/*
 * One connection to a Redis server over its unix socket: commands are queued
 * and sent in batches, replies are parsed where they lie in the buffer. It is
 * not a general client: one thread, RESP2, replies one level deep, which is
 * what kvload.c needs.
 */
#ifndef RESP_H
#define RESP_H

#include <stddef.h>

struct resp_buf {
	char *data;
	size_t start;
	size_t end;
	size_t capacity;
};

/**
 * struct resp_conn - a connection
 * @fd: non-blocking socket
 * @out: queued, not yet accepted by the socket
 * @in: received, not yet parsed
 */
struct resp_conn {
	int fd;
	struct resp_buf out;
	struct resp_buf in;
};

/* A bulk string inside the input buffer; data is NULL for a nil. */
struct resp_str {
	const char *data;
	size_t len;
};

enum { RESP_MAX_ITEMS = 16 };

/**
 * struct resp_reply - a reply, valid until the next call on its connection
 * @type: '+', '-', ':', '$' or '*', as on the wire
 * @number: of a ':' reply
 * @str: text of a '+', '-' or '$' reply
 * @nr_items: of a '*' reply, at most RESP_MAX_ITEMS
 * @items: bulk strings of a '*' reply
 */
struct resp_reply {
	char type;
	long long number;
	struct resp_str str;
	int nr_items;
	struct resp_str items[RESP_MAX_ITEMS];
};

int resp_open(struct resp_conn *conn, const char *path);
void resp_close(struct resp_conn *conn);
int resp_begin(struct resp_conn *conn, int nr_args);
int resp_arg(struct resp_conn *conn, const char *data, size_t len);
int resp_command(struct resp_conn *conn, const char *line);
int resp_flush(struct resp_conn *conn);
int resp_receive(struct resp_conn *conn);
int resp_parse(struct resp_conn *conn, struct resp_reply *ret_reply);
int resp_call(struct resp_conn *conn, const char *line,
	      struct resp_reply *ret_reply);

#endif
