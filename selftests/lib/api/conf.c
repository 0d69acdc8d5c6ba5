// SPDX-License-Identifier: MIT
/*
 * conf.c - ASHLAR_CONF as a user meets it: what is unknown or out of range is
 * named with what would be accepted, abort_conf makes it fatal, statistics
 * appear where asked. The program runs itself ("inner") under each setting.
 *
 * Only Ashlar reads ASHLAR_CONF: under any other malloc all of it is skipped.
 */
#include "json.h"
#include "ktap.h"
#include "testlib.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static void run(struct child *child, const char *conf)
{
	char self[] = "/proc/self/exe", word[] = "inner";
	char *argv[] = {self, word, NULL};

	child_exec(child, argv, conf);
}

static int inner(void)
{
	void *p[100];
	int i;

	for (i = 0; i < 100; i++) {
		p[i] = malloc((size_t)i * 1000 + 1);
		if (!p[i])
			return 9;
	}
	for (i = 0; i < 100; i++)
		free(p[i]);
	return 0;
}

static int skipped(void)
{
	if (!is_ashlar())
		ktap_skip("not running under libashlar");
	return !is_ashlar();
}

static void expect_quiet(const char *conf)
{
	struct child child;

	run(&child, conf);
	EXPECT_EQ(0, child_code(&child));
	EXPECT(!child.text[0], "'%s' said for '%s'", child.text, conf);
}

static void expect_named(const char *conf, const char *const words[])
{
	struct child child;

	run(&child, conf);
	EXPECT(!child_code(&child), "code %d for '%s'", child_code(&child),
	       conf);
	for (; *words; words++)
		EXPECT(strstr(child.text, *words),
		       "no '%s' in '%s' for '%s'", *words, child.text, conf);
}

static void no_conf_is_quiet(void)
{
	if (skipped())
		return;
	expect_quiet(NULL);
	expect_quiet("");
}

static void good_values_are_quiet(void)
{
	if (skipped())
		return;
	expect_quiet("backend:plain");
	expect_quiet("backend:auto,dirty_decay_ms:1000");
	expect_quiet("abort_conf:true,backend:plain");
	expect_quiet("abort_conf:true,harden:1");
	expect_quiet("dirty_decay_ms:0");
	expect_quiet("stats_print:false");
}

static void unknown_key_is_named(void)
{
	if (skipped())
		return;
	expect_named("nosuch:1", (const char *[]){"ashlar", "nosuch", NULL});
	expect_named("backend:plain,nosuch:1,harden:1",
		     (const char *[]){"nosuch", NULL});
	expect_named("nosuch", (const char *[]){"nosuch", NULL});
	/* A prefix, or a longer word, is not the key. */
	expect_named("backen:plain", (const char *[]){"backen", NULL});
	expect_named("backends:plain", (const char *[]){"backends", NULL});
}

static void bad_value_is_named_with_range(void)
{
	if (skipped())
		return;
	expect_named("backend:zork",
		     (const char *[]){"backend", "zork", "auto", "dev", "thp",
				      "hugetlb", "plain", NULL});
	expect_named("dirty_decay_ms:banana",
		     (const char *[]){"dirty_decay_ms", "banana", NULL});
	expect_named("abort_conf:maybe",
		     (const char *[]){"abort_conf", "maybe", "true", "false",
				      NULL});
	expect_named("dirty_decay_ms:99999999999999999999999",
		     (const char *[]){"dirty_decay_ms", "9999", NULL});
	expect_named("dirty_decay_ms:10x",
		     (const char *[]){"dirty_decay_ms", "10x", NULL});
	expect_named("dirty_decay_ms:",
		     (const char *[]){"dirty_decay_ms", NULL});
	expect_named("backend:", (const char *[]){"backend", NULL});
	expect_named("hard_limit:120%",
		     (const char *[]){"hard_limit", "120%", "1% to 100%",
				      "4194304", NULL});
	expect_named("soft_limit:1M",
		     (const char *[]){"soft_limit", "1M", "0 (none)", NULL});
	expect_named("soft_limit:2G,hard_limit:1G",
		     (const char *[]){"soft_limit", "hard_limit",
				      "set it lower", NULL});
	expect_named("harden:-7", (const char *[]){"harden", "-7", NULL});
}

static void expect_fatal(const char *conf, const char *word)
{
	struct child child;

	run(&child, conf);
	EXPECT(child_code(&child) != 0 && child_code(&child) != 9 &&
		       child_code(&child) != -SIGSEGV,
	       "code %d for '%s'", child_code(&child), conf);
	EXPECT(strstr(child.text, word), "no '%s' in '%s'", word, child.text);
}

static void abort_conf_is_fatal(void)
{
	if (skipped())
		return;
	expect_fatal("abort_conf:true,nosuch:1", "nosuch");
	expect_fatal("nosuch:1,abort_conf:true", "nosuch");
	expect_fatal("abort_conf:true,backend:zork", "zork");
}

/* Nothing that stands in the variable may crash a program. */
static void malformed_never_crashes(void)
{
	static const char *const confs[] = {
		",",	 ":",	   "::",      ",,,:,,",	  "backend",
		"a:b:c", " : , ",  "backend:plain,", ",backend:plain",
		"\xff\xfe:\x80", "backend:plain;harden:1", "%s%s%n:%n",
		"stats_json:",
	};
	static char longest[60000];
	struct child child;
	unsigned int i;

	if (skipped())
		return;
	for (i = 0; i < sizeof(confs) / sizeof(*confs); i++) {
		run(&child, confs[i]);
		EXPECT(!child_code(&child), "code %d for '%s': %s",
		       child_code(&child), confs[i], child.text);
	}
	memset(longest, 'k', sizeof(longest) - 1);
	run(&child, longest);
	EXPECT_EQ(0, child_code(&child));
	memcpy(longest, "backend:", 8);
	run(&child, longest);
	EXPECT_EQ(0, child_code(&child));
	memcpy(longest, "stats_json:", 11);
	run(&child, longest);
	EXPECT_EQ(0, child_code(&child));
}

static void stats_print(void)
{
	struct child child;

	if (skipped())
		return;
	run(&child, "stats_print:true");
	EXPECT_EQ(0, child_code(&child));
	EXPECT(strlen(child.text) > 100, "only '%s'", child.text);
}

static int read_file(const char *path, char *buf, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = fd < 0 ? -1 : 1;

	while (got > 0 && used < room - 1) {
		got = read(fd, buf + used, room - 1 - used);
		used += got > 0 ? (size_t)got : 0;
	}
	buf[used] = '\0';
	if (fd >= 0)
		close(fd);
	return got < 0 ? -errno : (int)used;
}

static void stats_json_file(void)
{
	static char text[1 << 20];
	char dir[] = "/tmp/ashlar-conf-XXXXXX", conf[128], path[64];
	struct child child;
	int len;

	if (skipped() || !EXPECT(mkdtemp(dir), "errno %d", errno))
		return;
	snprintf(path, sizeof(path), "%s/stats.json", dir);
	snprintf(conf, sizeof(conf), "stats_json:%s", path);
	run(&child, conf);
	EXPECT_EQ(0, child_code(&child));
	len = read_file(path, text, sizeof(text));
	EXPECT(len > 2, "%d bytes in %s; stderr '%s'", len, path, child.text);
	EXPECT(json_valid(text), "not JSON: %.200s", text);
	unlink(path);

	/* %p becomes the process's number, so that children don't collide. */
	snprintf(conf, sizeof(conf), "stats_json:%s/%%p.json", dir);
	run(&child, conf);
	EXPECT_EQ(0, child_code(&child));
	snprintf(path, sizeof(path), "rm %s/[1-9]*.json", dir);
	EXPECT(!system(path), "no <pid>.json in %s", dir);
	EXPECT(!rmdir(dir), "left in %s", dir);
}

/* Programs that close standard output and error when they end, as GNU coreutils
 * do, and those that never allocate (true, without arguments).
 */
static void coreutils_report(void)
{
	static char text[1 << 20];
	char dir[] = "/tmp/ashlar-conf-XXXXXX", conf[128], path[64];
	char word[] = "/bin/true", version[] = "--version";
	char *argv[] = {word, NULL, NULL};
	struct child child;
	int i;

	if (skipped())
		return;
	if (!getenv("LD_PRELOAD")) {
		ktap_skip("not preloaded: /bin/true would not be");
		return;
	}
	if (!EXPECT(mkdtemp(dir), "errno %d", errno))
		return;
	snprintf(path, sizeof(path), "%s/stats.json", dir);
	snprintf(conf, sizeof(conf), "stats_print:1,stats_json:%s", path);
	for (i = 0; i < 2; i++) {
		child_exec(&child, argv, conf);
		EXPECT_EQ(0, child_code(&child));
		EXPECT(strstr(child.text, "statistics:"),
		       "run %d: stderr '%.200s'", i, child.text);
		EXPECT(read_file(path, text, sizeof(text)) > 2 &&
			       json_valid(text),
		       "run %d: no JSON in %s", i, path);
		unlink(path);
		argv[1] = version;
	}
	EXPECT(!rmdir(dir), "left in %s", dir);
}

/* Closes what it can and has a file of its own under all those numbers: it must
 * not get statistics. Its length is the answer.
 */
static int inner_reuses(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600), i;

	if (fd < 0)
		return 9;
	for (i = 3; i < 1024; i++)
		dup2(fd, i);
	close(2);
	return 0;
}

static void reused_descriptor_is_left_alone(void)
{
	char path[] = "/tmp/ashlar-conf-XXXXXX", self[] = "/proc/self/exe";
	char word[] = "reuses", *argv[] = {self, word, path, NULL};
	struct child child;
	struct stat st;
	int fd = mkstemp(path);

	if (skipped() || !EXPECT(fd >= 0, "errno %d", errno))
		return;
	child_exec(&child, argv, "stats_print:1");
	EXPECT_EQ(0, child_code(&child));
	EXPECT(!fstat(fd, &st) && !st.st_size, "%ld bytes written",
	       (long)st.st_size);
	close(fd);
	unlink(path);
}

static void stats_json_bad_path(void)
{
	struct child child;

	if (skipped())
		return;
	run(&child, "stats_json:/nonexistent/dir/x.json");
	EXPECT_EQ(0, child_code(&child));
	EXPECT(strstr(child.text, "/nonexistent/dir/x.json"),
	       "path not named: '%s'", child.text);
}

static void json_checker_works(void)
{
	static const char *const good[] = {"{}", "[]", "[1, 2.5e3, -1]",
		"{\"a\": {\"b\": [true, false, null, \"x\\n\"]}}", "3"};
	static const char *const bad[] = {"", "{", "{a:1}", "[1,]", "{\"a\" 1}",
		"[1] x", "\"x", "{\"a\":1,}", "nul", "01", "[1 2]"};
	unsigned int i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		EXPECT(json_valid(good[i]), "%s refused", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT(!json_valid(bad[i]), "%s accepted", bad[i]);
}

static const struct ktap_test tests[] = {
	{"json_checker_works", json_checker_works},
	{"no_conf_is_quiet", no_conf_is_quiet},
	{"good_values_are_quiet", good_values_are_quiet},
	{"unknown_key_is_named", unknown_key_is_named},
	{"bad_value_is_named_with_range", bad_value_is_named_with_range},
	{"abort_conf_is_fatal", abort_conf_is_fatal},
	{"malformed_never_crashes", malformed_never_crashes},
	{"stats_print", stats_print},
	{"stats_json_file", stats_json_file},
	{"coreutils_report", coreutils_report},
	{"reused_descriptor_is_left_alone", reused_descriptor_is_left_alone},
	{"stats_json_bad_path", stats_json_bad_path},
	{},
};

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "inner"))
		return inner();
	if (argc == 3 && !strcmp(argv[1], "reuses"))
		return inner_reuses(argv[2]);
	return ktap_main(tests, argc, argv);
}
