// SPDX-License-Identifier: MIT
/*
 * print.c - text without stdio: against stdio's, into buffers of every size
 * and through a pipe in pieces.
 */
#include "ktap.h"
#include "testlib.h"

#include "rt/print.h"

static void numbers(void)
{
	static const u64 values[] = {0, 1, 9, 10, 99, 100, 4095, 1u << 31,
				     ~0u, 1ull << 32, 1ull << 63, ~0ull};
	char got[128], want[128], milli[32];
	struct print p;
	unsigned int i;

	for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
		u64 v = values[i];

		print_to_buf(&p, got, sizeof(got));
		print_u64(&p, v);
		print_str(&p, " ");
		print_hex(&p, v);
		print_str(&p, " ");
		print_fixed(&p, v);
		snprintf(milli, sizeof(milli), "%llu.%03llu",
			 (unsigned long long)v / 1000,
			 (unsigned long long)v % 1000);
		snprintf(want, sizeof(want), "%llu 0x%llx %s",
			 (unsigned long long)v, (unsigned long long)v, milli);
		EXPECT(!strcmp(got, want), "'%s', wanted '%s'", got, want);
	}
}

/* Whatever does not fit is cut off, the rest ends with NUL. */
static void cut_at_the_end(void)
{
	const char text[] = "a text of some length";
	char buf[64];
	struct print p;
	size_t room;

	for (room = 1; room < 40; room++) {
		memset(buf, '#', sizeof(buf));
		print_to_buf(&p, buf, room);
		print_str(&p, text);
		print_str(&p, "!");
		print_u64(&p, 7);
		EXPECT(strlen(buf) < room, "%zu bytes in %zu", strlen(buf),
		       room);
		EXPECT(!strncmp(buf, "a text of some length!7", room - 1),
		       "'%s' in %zu", buf, room);
		EXPECT(buf[room] == '#', "byte behind %zu overwritten", room);
	}
}

static void through_a_pipe(void)
{
	char buf[7], got[256] = "";
	struct print p;
	int fds[2], i;

	EXPECT_EQ(0, pipe(fds));
	print_to_fd(&p, fds[1], buf, sizeof(buf));
	for (i = 0; i < 20; i++) {
		print_u64(&p, (u64)i);
		print_mem(&p, ",", 1);
	}
	print_flush(&p);
	close(fds[1]);
	EXPECT(read(fds[0], got, sizeof(got) - 1) > 0, "nothing");
	EXPECT(!strcmp(got, "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,"
			    "19,"),
	       "'%s'", got);
	close(fds[0]);
}

/* A reader that has gone: no endless loop. */
static void closed_descriptor(void)
{
	char buf[16];
	struct print p;

	print_to_fd(&p, 1000, buf, sizeof(buf));
	print_str(&p, "more text than the buffer holds, to nobody");
	print_flush(&p);
	EXPECT(p.at == 0 || p.at < sizeof(buf), "fill %zu", p.at);
}

static const struct ktap_test tests[] = {
	{"numbers", numbers},
	{"cut_at_the_end", cut_at_the_end},
	{"through_a_pipe", through_a_pipe},
	{"closed_descriptor", closed_descriptor},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
