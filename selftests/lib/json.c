// SPDX-License-Identifier: MIT
/*
 * json.c - see json.h. Recursive descent; each parser takes the position
 * before its element and returns the one after it, NULL if it is not there.
 */
#include "json.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define MAX_DEPTH 64

static const char *json_value(const char *at, int depth);

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

static const char *json_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		if ((unsigned char)*at < ' ')
			return NULL;
		if (*at == '\\' && !strchr("\"\\/bfnrtu", *++at))
			return NULL;
		if (!*at)
			return NULL;
	}
	return at + 1;
}

static const char *json_digits(const char *at)
{
	size_t len = strspn(at, "0123456789");

	return len ? at + len : NULL;
}

static const char *json_number(const char *at)
{
	at += *at == '-';
	if (*at == '0' && isdigit((unsigned char)at[1]))
		return NULL;
	at = json_digits(at);
	if (at && *at == '.')
		at = json_digits(at + 1);
	if (at && (*at == 'e' || *at == 'E')) {
		at++;
		at = json_digits(at + (*at == '+' || *at == '-'));
	}
	return at;
}

static const char *json_member(const char *at, int depth)
{
	at = json_string(skip_space(at));
	if (!at)
		return NULL;
	at = skip_space(at);
	return *at == ':' ? json_value(at + 1, depth) : NULL;
}

/* An object or array, from its opening to its closing bracket. */
static const char *json_list(const char *at, int depth)
{
	char end = *at == '{' ? '}' : ']';

	at = skip_space(at + 1);
	if (*at == end)
		return at + 1;
	for (;;) {
		at = end == '}' ? json_member(at, depth)
				: json_value(at, depth);
		if (!at)
			return NULL;
		at = skip_space(at);
		if (*at == end)
			return at + 1;
		if (*at++ != ',')
			return NULL;
	}
}

static const char *json_word(const char *at)
{
	static const char *const words[] = {"true", "false", "null"};
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (!strncmp(at, words[i], strlen(words[i])))
			return at + strlen(words[i]);
	return NULL;
}

static const char *json_value(const char *at, int depth)
{
	at = skip_space(at);
	if (depth > MAX_DEPTH)
		return NULL;
	if (*at == '{' || *at == '[')
		return json_list(at, depth + 1);
	if (*at == '"')
		return json_string(at);
	if (*at == '-' || isdigit((unsigned char)*at))
		return json_number(at);
	return json_word(at);
}

bool json_valid(const char *text)
{
	const char *end = json_value(text, 0);

	return end && !*skip_space(end);
}
