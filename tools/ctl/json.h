/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON to a stream, a value at a time, minding commas, indentation and
 * quoting. It writes only; names and nesting are the caller's to get right.
 */
#ifndef CTL_JSON_H
#define CTL_JSON_H

#include <stdint.h>
#include <stdio.h>

/**
 * struct json - a document being written
 * @out: where
 * @depth: of nesting
 * @nr_items: in the object or array being written
 */
struct json {
	FILE *out;
	int depth;
	int nr_items;
};

/* A NULL name is for items of arrays and for the document itself. */
void json_open(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket);
void json_string(struct json *json, const char *name, const char *value);
void json_u64(struct json *json, const char *name, uint64_t value);
void json_i64(struct json *json, const char *name, int64_t value);
void json_real(struct json *json, const char *name, double value);

#endif
