/* SPDX-License-Identifier: MIT */
/* json.h - is a text well-formed JSON (RFC 8259)? No values are built. */
#ifndef SELFTESTS_LIB_JSON_H
#define SELFTESTS_LIB_JSON_H

#include <stdbool.h>

/**
 * json_valid() - check a text.
 * @text: NUL-terminated.
 *
 * Return: true if it is one JSON value with nothing but white space around.
 */
bool json_valid(const char *text);

#endif
