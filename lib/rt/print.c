// SPDX-License-Identifier: MIT
/*
 * Text output.  A message on stderr goes out by one write(2), so that lines of
 * several processes do not mix.
 */
#include "rt/print.h"

#include <string.h>

#include "os/sys.h"

void print_to_fd(struct print *p, int fd, char *buf, size_t len)
{
	*p = (struct print){ .fd = fd, .buf = buf, .len = len };
}

void print_to_buf(struct print *p, char *buf, size_t len)
{
	*p = (struct print){ .fd = -1, .buf = buf, .len = len - 1 };
	buf[0] = '\0';
}

void print_flush(struct print *p)
{
	size_t done = 0;

	if (p->fd < 0) {
		p->buf[p->at] = '\0';
		return;
	}
	while (done < p->at) {
		long n = os_write(p->fd, p->buf + done, p->at - done);

		if (n <= 0)
			break;
		done += n;
	}
	p->at = 0;
}

void print_mem(struct print *p, const char *s, size_t len)
{
	while (len) {
		size_t n = min_size(len, p->len - p->at);

		memcpy(p->buf + p->at, s, n);
		p->at += n;
		s += n;
		len -= n;
		if (p->at < p->len)
			continue;
		if (p->fd < 0)
			break;
		print_flush(p);
	}
	if (p->fd < 0)
		p->buf[p->at] = '\0';
}

void print_str(struct print *p, const char *s)
{
	print_mem(p, s, strlen(s));
}

static void print_radix(struct print *p, u64 v, unsigned int radix)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = "0123456789abcdef"[v % radix];
		v /= radix;
	} while (v);
	print_mem(p, digits + i, sizeof(digits) - i);
}

void print_u64(struct print *p, u64 v)
{
	print_radix(p, v, 10);
}

void print_hex(struct print *p, u64 v)
{
	print_str(p, "0x");
	print_radix(p, v, 16);
}

/* @milli thousandths, as "1.234". */
void print_fixed(struct print *p, u64 milli)
{
	char frac[4] = { '0' + milli / 100 % 10, '0' + milli / 10 % 10,
			 '0' + milli % 10, '\0' };

	print_u64(p, milli / 1000);
	print_str(p, ".");
	print_str(p, frac);
}

/* A byte that is not ASCII need not be UTF-8 either: all such are escaped. */
static void print_json_char(struct print *p, u8 c)
{
	const char *const digits = "0123456789abcdef";

	if (c < ' ' || c > '~') {
		print_str(p, "\\u00");
		print_mem(p, digits + c / 16, 1);
		print_mem(p, digits + c % 16, 1);
		return;
	}
	if (c == '"' || c == '\\')
		print_str(p, "\\");
	print_mem(p, (const char *)&c, 1);
}

/* A string with its quotes. */
void print_json_str(struct print *p, const char *s)
{
	print_str(p, "\"");
	while (*s)
		print_json_char(p, *s++);
	print_str(p, "\"");
}

void print_error(const char *const *parts)
{
	char buf[512];
	struct print p;

	print_to_fd(&p, 2, buf, sizeof(buf));
	print_str(&p, "ashlar: ");
	for (; *parts; parts++)
		print_str(&p, *parts);
	print_str(&p, "\n");
	print_flush(&p);
}
