// SPDX-License-Identifier: MIT
/*
 * A JSON writer; see json.h.
 */
#include "json.h"

#include <inttypes.h>

static void quote(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void begin_item(struct json *json, const char *name)
{
	if (json->nr_items++)
		fputc(',', json->out);
	if (json->depth)
		fprintf(json->out, "\n%*s", json->depth, "");
	if (name) {
		quote(json->out, name);
		fputs(": ", json->out);
	}
}

void json_open(struct json *json, const char *name, char bracket)
{
	begin_item(json, name);
	fputc(bracket, json->out);
	json->depth++;
	json->nr_items = 0;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (json->nr_items)
		fprintf(json->out, "\n%*s", json->depth, "");
	fputc(bracket, json->out);
	/* Whatever comes next here comes after this one. */
	json->nr_items = 1;
	if (!json->depth)
		fputc('\n', json->out);
}

void json_string(struct json *json, const char *name, const char *value)
{
	begin_item(json, name);
	quote(json->out, value);
}

void json_u64(struct json *json, const char *name, uint64_t value)
{
	begin_item(json, name);
	fprintf(json->out, "%" PRIu64, value);
}

void json_i64(struct json *json, const char *name, int64_t value)
{
	begin_item(json, name);
	fprintf(json->out, "%" PRId64, value);
}

void json_real(struct json *json, const char *name, double value)
{
	begin_item(json, name);
	fprintf(json->out, "%.6g", value);
}
