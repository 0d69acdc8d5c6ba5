// SPDX-License-Identifier: MIT
/*
 * conf.c - feeds the options' parser with words of its own language in any
 * order, and with noise. Whatever it is told, each option keeps to its range,
 * text stays terminated, and the JSON of all options is JSON.
 */
#include "fuzz.h"
#include "json.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rt/conf.h"
#include "rt/print.h"

#define NAME(name, kind, def, min, max, choices, doc) #name,

/* A byte of the input below the number of these stands for one of them. */
static const char *const words[] = {
	CONF_TABLE(NAME) ":", ",", "\n", "#", " ", "true", "false", "0", "1",
	"-1", "999999999999999999999", "K", "M", "G", "T", "auto", "plain",
	"thp", "hugetlb", "dev", "on", "off", "%p", "/", "\"", "\\"};

enum { NR_WORDS = sizeof(words) / sizeof(*words) };

static void silence(void)
{
	static int is_silent;
	int null;

	if (is_silent)
		return;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	is_silent = null >= 0 && dup2(null, STDERR_FILENO) >= 0;
}

/* The fault is named on stdout, since stderr is closed. */
static void expect(int fact, const char *what)
{
	if (fact)
		return;
	if (write(STDOUT_FILENO, what, strlen(what)) < 0)
		_exit(1);
	abort();
}

#define IN_RANGE_BOOL(name, min, max) expect(conf.name >= min && conf.name <= max, #name "\n");
#define IN_RANGE_INT IN_RANGE_BOOL
#define IN_RANGE_MS IN_RANGE_BOOL
#define IN_RANGE_SIZE IN_RANGE_BOOL
#define IN_RANGE_ENUM IN_RANGE_BOOL
#define IN_RANGE_NODES(name, min, max) expect(conf.name >= -1, #name "\n");
#define IN_RANGE_LIMIT(name, min, max)                                         \
	expect(!conf.name || (conf.name >= -100 && conf.name <= -1) ||         \
		       (conf.name >= min && conf.name <= max),                 \
	       #name "\n");
#define IN_RANGE_STR(name, min, max)                                           \
	expect(memchr(conf.name, 0, sizeof(conf.name)) != NULL, #name "\n");
#define IN_RANGE(name, kind, def, min, max, choices, doc)                      \
	IN_RANGE_##kind(name, min, max)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char text[1 << 16], json[1 << 14];
	struct print p;
	size_t at = 0, i;

	silence();
	for (i = 0; i < len && at < sizeof(text) - 64; i++) {
		if (data[i] < NR_WORDS) {
			strcpy(text + at, words[data[i]]);
			at += strlen(words[data[i]]);
		} else {
			text[at++] = (char)data[i];
		}
	}
	text[at] = '\0';
	conf_parse(text, "fuzz");
	CONF_TABLE(IN_RANGE)
	print_to_buf(&p, json, sizeof(json));
	conf_print_json(&p);
	expect(json_valid(json), "no JSON\n");
	print_to_buf(&p, json, sizeof(json));
	conf_print_text(&p);
	conf.stats_json[0] = '\0'; /* the exit would write a file there */
	return 0;
}
