/* SPDX-License-Identifier: MIT */
/*
 * Text without stdio and without memory: a fixed buffer over a file
 * descriptor, or over a caller's buffer.
 */
#ifndef ASHLAR_RT_PRINT_H
#define ASHLAR_RT_PRINT_H

#include "base/bits.h"

struct print {
	int fd;		/* -1: into the caller's buffer, cut at its end */
	char *buf;
	size_t len, at; /* capacity and fill of buf */
};

void print_to_fd(struct print *p, int fd, char *buf, size_t len);
void print_to_buf(struct print *p, char *buf, size_t len);
void print_flush(struct print *p);
void print_str(struct print *p, const char *s);
void print_mem(struct print *p, const char *s, size_t len);
void print_u64(struct print *p, u64 v);
void print_hex(struct print *p, u64 v);
void print_json_str(struct print *p, const char *s);
void print_fixed(struct print *p, u64 milli);

/**
 * print_error() - one line on stderr, headed "ashlar: "
 * @parts: strings, ended by NULL
 */
void print_error(const char *const *parts);
#define print_error_parts(...)                                                 \
	print_error((const char *const[]){ __VA_ARGS__, NULL })

#endif
