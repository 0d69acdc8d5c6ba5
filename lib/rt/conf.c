// SPDX-License-Identifier: MIT
/*
 * Options from, in this order, each overriding the one before: the weak symbol
 * ashlar_conf of the program, /etc/ashlar.conf, the environment's ASHLAR_CONF.
 * All three hold "key:value,key:value"; in the file a line break stands for a
 * comma and # starts a comment.
 */
#include "rt/conf.h"

#include <stdlib.h>
#include <string.h>

#include "os/lines.h"
#include "rt/nodelist.h"
#include "rt/print.h"

enum kind { BOOL, INT, MS, SIZE, LIMIT, NODES, ENUM, STR };

struct option {
	const char *name;
	enum kind kind;
	long def, min, max;
	const char *choices; /* of an ENUM; default text of a STR */
	size_t offset;
};

#define OPTION_ROW(name_, kind_, def_, min_, max_, choices_, doc_)             \
	{ #name_, kind_, def_, min_, max_, choices_,                           \
	  offsetof(struct conf, name_) },

static const struct option options[] = { CONF_TABLE(OPTION_ROW) };

#define CONF_INIT_BOOL(name, def, text) .name = def,
#define CONF_INIT_INT(name, def, text) .name = def,
#define CONF_INIT_MS(name, def, text) .name = def,
#define CONF_INIT_SIZE(name, def, text) .name = def,
#define CONF_INIT_LIMIT(name, def, text) .name = def,
#define CONF_INIT_NODES(name, def, text) .name = def,
#define CONF_INIT_ENUM(name, def, text) .name = def,
#define CONF_INIT_STR(name, def, text) .name = text,
#define CONF_INIT(name, kind, def, min, max, choices, doc)                     \
	CONF_INIT_##kind(name, def, choices)

struct conf conf = { CONF_TABLE(CONF_INIT) };

/* A program may define it to carry its own defaults. */
extern const char *ashlar_conf __attribute__((weak));

static const struct option *option_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strlen(options[i].name) == len &&
		    !memcmp(options[i].name, name, len))
			return &options[i];
	return NULL;
}

static long *option_long(const struct option *o)
{
	return (long *)((char *)&conf + o->offset);
}

static char *option_text(const struct option *o)
{
	return (char *)&conf + o->offset;
}

/* Index of @value in "a|b|c", or -1. */
static long choice_index(const char *choices, const char *value, size_t len)
{
	long i = 0;

	for (const char *at = choices;; i++) {
		const char *end = strchrnul(at, '|');

		if ((size_t)(end - at) == len && !memcmp(at, value, len))
			return i;
		if (!*end)
			return -1;
		at = end + 1;
	}
}

static long suffix_shift(char c)
{
	const char *const suffixes = "KMGT";
	const char *at = c ? strchr(suffixes, c & ~0x20) : NULL;

	return at ? 10 * (at - suffixes + 1) : -1;
}

/* Decimal with an optional size suffix; false if it is anything else. */
static bool parse_number(const char *s, size_t len, bool is_size, long *ret)
{
	bool is_negative = len && *s == '-';
	size_t i = is_negative;
	long v = 0;

	if (i == len)
		return false;
	for (; i < len && s[i] >= '0' && s[i] <= '9'; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, s[i] - '0', &v))
			return false;
	if (i == len - 1 && i > is_negative && is_size) {
		long shift = suffix_shift(s[i]);

		if (shift < 0 || v > LONG_MAX >> shift)
			return false;
		v <<= shift;
		i++;
	}
	if (i != len)
		return false;
	*ret = is_negative ? -v : v;
	return true;
}

/* "0" for none, "1%" to "100%", or bytes. */
static bool limit_set(const struct option *o, const char *v, size_t len)
{
	bool is_percent = len && v[len - 1] == '%';
	long n;

	if (!parse_number(v, len - is_percent, !is_percent, &n))
		return false;
	if (is_percent ? n < 1 || n > 100 : n && (n < o->min || n > o->max))
		return false;
	*option_long(o) = is_percent ? -n : n;
	return true;
}

static bool option_set(const struct option *o, const char *v, size_t len)
{
	long n;

	switch (o->kind) {
	case STR:
		if (len >= CONF_STR_MAX)
			return false;
		memcpy(option_text(o), v, len);
		option_text(o)[len] = '\0';
		return true;
	case LIMIT:
		return limit_set(o, v, len);
	case NODES:
		return nodelist_parse(v, len, option_long(o));
	case ENUM:
		n = choice_index(o->choices, v, len);
		break;
	case BOOL:
		n = choice_index("false|true", v, len);
		if (n < 0)
			n = choice_index("0|1", v, len);
		break;
	default:
		if (!parse_number(v, len, o->kind == SIZE, &n))
			return false;
	}
	if (n < o->min || n > o->max)
		return false;
	*option_long(o) = n;
	return true;
}

static void print_bounds(struct print *p, const struct option *o)
{
	if (o->min < 0)
		print_str(p, "-");
	print_u64(p, o->min < 0 ? -o->min : o->min);
	print_str(p, " to ");
	print_u64(p, o->max);
	if (o->kind == SIZE || o->kind == LIMIT)
		print_str(p, ", K, M, G and T allowed");
}

static void print_range(struct print *p, const struct option *o)
{
	switch (o->kind) {
	case STR:
		print_str(p, "at most 255 characters");
		return;
	case ENUM:
		print_str(p, o->choices);
		return;
	case BOOL:
		print_str(p, "true|false");
		return;
	case NODES:
		print_str(p, "local|interleave|bind=LIST, a list like 0-1+3 "
			     "of nodes 0 to 62");
		return;
	case LIMIT:
		print_str(p, "0 (none), 1% to 100%, or bytes, ");
		break;
	default:
		break;
	}
	print_bounds(p, o);
}

static void complain(const char *where, const char *item, size_t len,
		     const struct option *o)
{
	char buf[512];
	struct print p;

	print_to_fd(&p, 2, buf, sizeof(buf));
	print_str(&p, "ashlar: ");
	print_str(&p, where);
	print_str(&p, o ? ": bad value in '" : ": unknown option '");
	print_mem(&p, item, min_size(len, 100));
	print_str(&p, "'; ");
	if (o) {
		print_str(&p, "accepted: ");
		print_range(&p, o);
	} else {
		print_str(&p, "options are:");
		for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
			print_str(&p, " ");
			print_str(&p, options[i].name);
		}
	}
	print_str(&p, "\n");
	print_flush(&p);
}

/* One "key:value". */
static bool parse_item(const char *item, size_t len, const char *where)
{
	const char *colon = memchr(item, ':', len);
	size_t key_len = colon ? (size_t)(colon - item) : len;
	const struct option *o = option_find(item, key_len);
	const char *value = colon ? colon + 1 : item + len;

	if (o && option_set(o, value, item + len - value))
		return true;
	complain(where, item, len, o);
	return false;
}

static bool is_separator(char c)
{
	return c == ',' || c == '\n' || c == ' ' || c == '\t';
}

/**
 * conf_parse() - apply one list of options
 * @text: "key:value,key:value"
 * @where: what to call the source in a message
 *
 * A bad item is named on stderr with what would be accepted, and changes
 * nothing; the others take effect.
 *
 * Return: how many items were bad.
 */
unsigned int conf_parse(const char *text, const char *where)
{
	unsigned int nr_bad = 0;

	while (*text) {
		size_t len = 0;

		if (*text == '#') {
			text = strchrnul(text, '\n');
			continue;
		}
		if (is_separator(*text)) {
			text++;
			continue;
		}
		while (text[len] && !is_separator(text[len]))
			len++;
		nr_bad += !parse_item(text, len, where);
		text += len;
	}
	return nr_bad;
}

struct file {
	const char *path;
	unsigned int nr_bad;
};

static void parse_line(const char *line, void *arg)
{
	struct file *f = arg;

	f->nr_bad += conf_parse(line, f->path);
}

/**
 * conf_parse_file() - apply the options of a file of any length
 * @path: the file; it need not be there
 *
 * Return: how many items were bad.
 */
unsigned int conf_parse_file(const char *path)
{
	struct file f = {.path = path};

	os_each_line(path, parse_line, &f);
	return f.nr_bad;
}

/**
 * conf_load() - read all sources
 * @env: value of ASHLAR_CONF, or NULL
 */
void conf_load(const char *env)
{
	unsigned int nr_bad = 0;

	if (&ashlar_conf && ashlar_conf)
		nr_bad += conf_parse(ashlar_conf, "ashlar_conf");
	nr_bad += conf_parse_file("/etc/ashlar.conf");
	if (env)
		nr_bad += conf_parse(env, "ASHLAR_CONF");
	if (nr_bad && conf.abort_conf) {
		print_error_parts("abort_conf is set: ending the process");
		abort();
	}
}

static void print_value(struct print *p, const struct option *o, bool is_json)
{
	const char *quote = is_json ? "\"" : "";
	const char *at;
	long v;

	if (o->kind == STR) {
		if (is_json)
			print_json_str(p, option_text(o));
		else
			print_str(p, option_text(o));
		return;
	}
	v = *option_long(o);
	if (o->kind == BOOL) {
		print_str(p, v ? "true" : "false");
	} else if (o->kind == ENUM) {
		for (at = o->choices; v--;)
			at = strchr(at, '|') + 1;
		print_str(p, quote);
		print_mem(p, at, strchrnul(at, '|') - at);
		print_str(p, quote);
	} else if (o->kind == NODES) {
		print_str(p, quote);
		nodelist_print(p, v);
		print_str(p, quote);
	} else if (o->kind == LIMIT && v < 0) {
		print_str(p, quote);
		print_u64(p, -v);
		print_str(p, "%");
		print_str(p, quote);
	} else {
		if (v < 0)
			print_str(p, "-");
		print_u64(p, v < 0 ? -v : v);
	}
}

/* "name: value" lines. */
void conf_print_text(struct print *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		print_str(p, "  ");
		print_str(p, options[i].name);
		print_str(p, ": ");
		print_value(p, &options[i], false);
		print_str(p, "\n");
	}
}

/* One JSON object. */
void conf_print_json(struct print *p)
{
	print_str(p, "{");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		print_str(p, i ? ",\"" : "\"");
		print_str(p, options[i].name);
		print_str(p, "\":");
		print_value(p, &options[i], true);
	}
	print_str(p, "}");
}
