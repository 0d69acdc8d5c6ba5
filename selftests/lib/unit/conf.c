// SPDX-License-Identifier: MIT
/*
 * conf.c - the parser of options by itself: what each kind accepts, that a bad
 * item changes nothing, and that the JSON of all options is JSON.
 */
#include "json.h"
#include "ktap.h"
#include "testlib.h"

#include <fcntl.h>

#include "rt/conf.h"
#include "rt/print.h"

/* Messages are wanted here but not to be seen. */
static unsigned int parse(const char *text)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), was = dup(2);
	unsigned int nr_bad;

	dup2(null, 2);
	nr_bad = conf_parse(text, "test");
	dup2(was, 2);
	close(was);
	close(null);
	return nr_bad;
}

static void sizes(void)
{
	EXPECT_EQ(0, parse("tcache_max:65536"));
	EXPECT_EQ(65536, conf.tcache_max);
	EXPECT_EQ(0, parse("tcache_max:128K"));
	EXPECT_EQ(128 << 10, conf.tcache_max);
	EXPECT_EQ(0, parse("tcache_max:2m,chunk:1G"));
	EXPECT_EQ(2 << 20, conf.tcache_max);
	EXPECT_EQ(1 << 30, conf.chunk);
	EXPECT_EQ(0, parse("reserve:1T"));
	EXPECT_EQ(1L << 40, conf.reserve);
}

static void limits(void)
{
	EXPECT_EQ(0, parse("soft_limit:4M,hard_limit:16T"));
	EXPECT_EQ(4 << 20, conf.soft_limit);
	EXPECT_EQ(1L << 44, conf.hard_limit);
	EXPECT_EQ(0, parse("soft_limit:1%,hard_limit:100%"));
	EXPECT_EQ(-1, conf.soft_limit);
	EXPECT_EQ(-100, conf.hard_limit);
	EXPECT_EQ(0, parse("soft_limit:0,hard_limit:0"));
	EXPECT_EQ(0, conf.soft_limit);
	EXPECT_EQ(0, conf.hard_limit);
}

static void expect_numa(const char *text, long value, const char *printed)
{
	char item[64], out[4096];
	struct print p;

	snprintf(item, sizeof(item), "numa:%s", text);
	EXPECT_EQ(0, parse(item));
	EXPECT(conf.numa == value, "%s: %lx", text, conf.numa);
	print_to_buf(&p, out, sizeof(out));
	conf_print_text(&p);
	snprintf(item, sizeof(item), "  numa: %s\n", printed);
	EXPECT(strstr(out, item), "no '%s' in %s", item, out);
}

static void nodes(void)
{
	expect_numa("interleave", -1, "interleave");
	expect_numa("bind=0", 1, "bind=0");
	expect_numa("bind=0-2", 7, "bind=0-2");
	expect_numa("bind=3+0-1", 11, "bind=0-1+3");
	expect_numa("bind=1+1", 2, "bind=1");
	expect_numa("bind=62", 1L << 62, "bind=62");
	expect_numa("bind=0-62", LONG_MAX, "bind=0-62");
	expect_numa("local", 0, "local");
}

static void numbers_and_words(void)
{
	EXPECT_EQ(0, parse("dirty_decay_ms:0"));
	EXPECT_EQ(0, conf.dirty_decay_ms);
	EXPECT_EQ(0, parse("dirty_decay_ms:-1"));
	EXPECT_EQ(-1, conf.dirty_decay_ms);
	EXPECT_EQ(0, parse("backend:hugetlb"));
	EXPECT_EQ(BACKEND_HUGETLB, conf.backend);
	EXPECT_EQ(0, parse("backend:auto\nharden:true\twarn:0"));
	EXPECT_EQ(BACKEND_AUTO, conf.backend);
	EXPECT_EQ(1, conf.harden);
	EXPECT_EQ(0, conf.warn);
	EXPECT_EQ(0, parse("# backend:plain\nharden:false"));
	EXPECT_EQ(BACKEND_AUTO, conf.backend);
	EXPECT_EQ(0, conf.harden);
}

static void bad_items_change_nothing(void)
{
	static const char *const bad[] = {
		"backend:", "backend:Plain", "backend:plain2", "backend:pla",
		"backend", ":", ":plain", "harden:2", "harden:yes",
		"dirty_decay_ms:-2", "dirty_decay_ms:3600001",
		"dirty_decay_ms:1K", "dirty_decay_ms:0x10",
		"dirty_decay_ms:--1", "dirty_decay_ms:-",
		"dirty_decay_ms:9223372036854775808", "tcache_max:4095",
		"tcache_max:K", "tcache_max:1KK", "tcache_max:1P",
		"tcache_max:-1", "tcache_max:99999999T", "tcache_max:1.5M",
		"soft_limit:", "soft_limit:%", "soft_limit:0%",
		"soft_limit:101%", "soft_limit:-5%", "soft_limit:-5",
		"soft_limit:5%%", "soft_limit:1K%",
		"soft_limit:3M", "hard_limit:17T", "hard_limit:1.5G",
		"hard_limit:max", "numa:", "numa:bind", "numa:bind=",
		"numa:bind=63", "numa:bind=0-63", "numa:bind=a",
		"numa:bind=2-1", "numa:bind=0+", "numa:bind=+0",
		"numa:bind=0-", "numa:bind=1-2-3", "numa:localx",
		"numa:bind=18446744073709551616", "nosuch:1", "Backend:plain"};
	struct conf before = conf;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		EXPECT(parse(bad[i]) == 1, "'%s' accepted", bad[i]);
		EXPECT(!memcmp(&before, &conf, sizeof(conf)),
		       "'%s' changed something", bad[i]);
	}
}

/* The good ones of a list with bad ones take effect. */
static void good_among_bad(void)
{
	conf.chunk = 1;
	EXPECT_EQ(3, parse("x:1,chunk:4M,y,dirty_decay_ms:z,harden:1"));
	EXPECT_EQ(4 << 20, conf.chunk);
	EXPECT_EQ(1, conf.harden);
	conf.harden = 0;
}

static void text_is_bounded(void)
{
	char text[600] = "stats_json:";

	memset(text + 11, 'x', CONF_STR_MAX - 1);
	EXPECT_EQ(0, parse(text));
	EXPECT_EQ(CONF_STR_MAX - 1, strlen(conf.stats_json));
	text[11 + CONF_STR_MAX - 1] = 'x';
	EXPECT_EQ(1, parse(text));
	EXPECT_EQ(CONF_STR_MAX - 1, strlen(conf.stats_json));
	EXPECT_EQ(0, parse("stats_json:"));
	EXPECT_EQ(0, strlen(conf.stats_json));
}

static void expect_json(const char *path)
{
	char item[600], text[8192];
	struct print p;

	snprintf(item, sizeof(item), "stats_json:%s", path);
	EXPECT_EQ(0, parse(item));
	print_to_buf(&p, text, sizeof(text));
	conf_print_json(&p);
	EXPECT(json_valid(text), "no JSON: %.300s", text);
	EXPECT_EQ(0, parse("stats_json:"));
}

static void printed_as_json(void)
{
	expect_json("");
	expect_json("/tmp/plain.json");
	expect_json("a\"quote\\and\\\\backslash");
	expect_json("\001control\177\033");
}

static void printed_as_text(void)
{
	char text[8192];
	struct print p;

	EXPECT_EQ(0, parse("backend:plain,dirty_decay_ms:-1"));
	print_to_buf(&p, text, sizeof(text));
	conf_print_text(&p);
	EXPECT(strstr(text, "backend: plain\n"), "%.300s", text);
	EXPECT(strstr(text, "dirty_decay_ms: -1\n"), "%.300s", text);
	EXPECT(strstr(text, "warn: "), "%.300s", text);
}

/* A file in which an operator has explained everything. */
static void long_files(void)
{
	char path[] = "/tmp/ashlar-conf-XXXXXX";
	int fd = mkstemp(path), i;
	FILE *f = fdopen(fd, "w");

	fprintf(f, "chunk:4M # a comment\n");
	for (i = 0; i < 1000; i++)
		fprintf(f, "# chunk:8M, so the kernel is asked less often\n");
	fprintf(f, "tcache_max:64K, warn:false\nstats_print:true");
	fclose(f);
	EXPECT_EQ(0, conf_parse_file(path));
	EXPECT_EQ(4 << 20, conf.chunk);
	EXPECT_EQ(64 << 10, conf.tcache_max);
	EXPECT(!conf.warn && conf.stats_print, "%ld and %ld", conf.warn,
	       conf.stats_print);
	unlink(path);
	EXPECT_EQ(0, conf_parse_file(path));
}

static const struct ktap_test tests[] = {
	{"sizes", sizes},
	{"limits", limits},
	{"nodes", nodes},
	{"numbers_and_words", numbers_and_words},
	{"bad_items_change_nothing", bad_items_change_nothing},
	{"good_among_bad", good_among_bad},
	{"text_is_bounded", text_is_bounded},
	{"long_files", long_files},
	{"printed_as_json", printed_as_json},
	{"printed_as_text", printed_as_text},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
