// SPDX-License-Identifier: MIT
/*
 * One connection to a Redis server; see resp.h.
 */
#include "resp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { RECEIVE_LEN = 256 << 10 };

static int buf_reserve(struct resp_buf *buf, size_t len)
{
	size_t used = buf->end - buf->start;
	size_t capacity = buf->capacity ? buf->capacity : 4096;
	char *data;

	if (buf->capacity - buf->end >= len)
		return 0;
	if (used)
		memmove(buf->data, buf->data + buf->start, used);
	buf->start = 0;
	buf->end = used;
	while (capacity - used < len)
		capacity *= 2;
	if (capacity == buf->capacity)
		return 0;
	data = realloc(buf->data, capacity);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->capacity = capacity;
	return 0;
}

static int buf_append(struct resp_buf *buf, const void *data, size_t len)
{
	int err = buf_reserve(buf, len);

	if (err)
		return err;
	memcpy(buf->data + buf->end, data, len);
	buf->end += len;
	return 0;
}

/**
 * resp_open() - connect
 * @conn: where
 * @path: the server's unix socket
 *
 * Return: 0, -ENAMETOOLONG, or what socket(2) and connect(2) say.
 */
int resp_open(struct resp_conn *conn, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		close(fd);
		return err;
	}
	*conn = (struct resp_conn){.fd = fd};
	return 0;
}

void resp_close(struct resp_conn *conn)
{
	close(conn->fd);
	free(conn->out.data);
	free(conn->in.data);
	*conn = (struct resp_conn){.fd = -1};
}

/* Start a command of so many arguments, its name included. */
int resp_begin(struct resp_conn *conn, int nr_args)
{
	char head[16];

	return buf_append(&conn->out, head,
			  snprintf(head, sizeof(head), "*%d\r\n", nr_args));
}

int resp_arg(struct resp_conn *conn, const char *data, size_t len)
{
	char head[32];
	int n = snprintf(head, sizeof(head), "$%zu\r\n", len);
	int err = buf_reserve(&conn->out, n + len + 2);

	if (err)
		return err;
	buf_append(&conn->out, head, n);
	buf_append(&conn->out, data, len);
	return buf_append(&conn->out, "\r\n", 2);
}

/* Queue a command given as words; for those without binary arguments. */
int resp_command(struct resp_conn *conn, const char *line)
{
	int err = buf_append(&conn->out, line, strlen(line));

	return err ? err : buf_append(&conn->out, "\r\n", 2);
}

/* Send what the socket takes now. Return: 0 or -errno. */
int resp_flush(struct resp_conn *conn)
{
	struct resp_buf *out = &conn->out;

	while (out->start < out->end) {
		ssize_t n = send(conn->fd, out->data + out->start,
				 out->end - out->start,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			out->start += n;
	}
	out->start = out->end = 0;
	return 0;
}

/* Take what has arrived. Return: 0, -EPIPE at the end, or -errno. */
int resp_receive(struct resp_conn *conn)
{
	struct resp_buf *in = &conn->in;
	int err = buf_reserve(in, RECEIVE_LEN);
	ssize_t n;

	if (err)
		return err;
	n = recv(conn->fd, in->data + in->end, RECEIVE_LEN, MSG_DONTWAIT);
	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	in->end += n;
	return 0;
}

/*
 * Where in the unparsed input a parse stands. Nothing is consumed before a
 * whole reply is there, so a short one is simply parsed again later.
 */
struct cursor {
	const char *at;
	const char *end;
};

static int take_line(struct cursor *cur, struct resp_str *ret_line)
{
	const char *nl = memchr(cur->at, '\n', cur->end - cur->at);

	if (!nl)
		return -EAGAIN;
	*ret_line = (struct resp_str){cur->at, nl - 1 - cur->at};
	cur->at = nl + 1;
	return 0;
}

static int take_number(struct cursor *cur, long long *ret_number)
{
	struct resp_str line;
	int err = take_line(cur, &line);

	if (!err)
		*ret_number = strtoll(line.data, NULL, 10);
	return err;
}

static int take_bulk(struct cursor *cur, struct resp_str *ret_str)
{
	long long len;
	int err = take_number(cur, &len);

	if (err)
		return err;
	if (len < 0) {
		*ret_str = (struct resp_str){NULL, 0};
		return 0;
	}
	if (cur->end - cur->at < len + 2)
		return -EAGAIN;
	*ret_str = (struct resp_str){cur->at, len};
	cur->at += len + 2;
	return 0;
}

static int take_array(struct cursor *cur, struct resp_reply *reply)
{
	long long nr;
	int err = take_number(cur, &nr);

	if (err)
		return err;
	if (nr > RESP_MAX_ITEMS)
		return -EPROTO;
	reply->nr_items = nr < 0 ? 0 : nr;
	for (int i = 0; i < reply->nr_items; i++) {
		if (cur->at == cur->end)
			return -EAGAIN;
		if (*cur->at++ != '$')
			return -EPROTO;
		err = take_bulk(cur, &reply->items[i]);
		if (err)
			return err;
	}
	return 0;
}

/**
 * resp_parse() - take the next reply out of what has arrived
 * @conn: the connection
 * @ret_reply: points into the connection's buffer
 *
 * Return: 0, -EAGAIN when no whole reply is there, -EPROTO for one that this
 * client does not know.
 */
int resp_parse(struct resp_conn *conn, struct resp_reply *ret_reply)
{
	struct resp_buf *in = &conn->in;
	struct cursor cur = {in->data + in->start, in->data + in->end};
	int err;

	if (in->start == in->end)
		return -EAGAIN;
	ret_reply->type = *cur.at++;
	switch (ret_reply->type) {
	case '+':
	case '-':
		err = take_line(&cur, &ret_reply->str);
		break;
	case ':':
		err = take_number(&cur, &ret_reply->number);
		break;
	case '$':
		err = take_bulk(&cur, &ret_reply->str);
		break;
	case '*':
		err = take_array(&cur, ret_reply);
		break;
	default:
		err = -EPROTO;
	}
	if (!err)
		in->start = cur.at - in->data;
	return err;
}

/* Send one command and wait for its reply; nothing else may be under way. */
int resp_call(struct resp_conn *conn, const char *line,
	      struct resp_reply *ret_reply)
{
	struct pollfd pfd = {.fd = conn->fd};
	int err = resp_command(conn, line);

	while (!err) {
		err = resp_flush(conn);
		if (err)
			return err;
		pfd.events = POLLIN;
		if (conn->out.end)
			pfd.events |= POLLOUT;
		if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
			return -errno;
		err = resp_receive(conn);
		if (err)
			return err;
		err = resp_parse(conn, ret_reply);
		if (err != -EAGAIN)
			return err;
		err = 0;
	}
	return err;
}
