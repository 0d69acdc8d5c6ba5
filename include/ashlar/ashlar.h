/* SPDX-License-Identifier: MIT */
/*
 * Ashlar's own calls, beside the standard malloc family that the library
 * replaces.  A program need not use any of them.
 */
#ifndef ASHLAR_ASHLAR_H
#define ASHLAR_ASHLAR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * ashlar_conf - a program's own default options
 *
 * Define it in the program as "key:value,key:value".  /etc/ashlar.conf and the
 * environment's ASHLAR_CONF override it.
 */
extern const char *ashlar_conf;

/**
 * ashlar_version() - version of the library that is loaded
 *
 * Return: "major.minor.patch".
 */
const char *ashlar_version(void);

/**
 * ashlar_stats_json() - statistics as one JSON object
 * @buf: receives text and a NUL; may be NULL if @len is 0
 * @len: size of @buf in bytes
 *
 * Return: bytes written without the NUL; @len - 1 means that it was cut.
 */
size_t ashlar_stats_json(char *buf, size_t len);

/**
 * ashlar_purge() - give all free memory back to the kernel now
 *
 * The calling thread's cache is emptied; other threads keep theirs.
 */
void ashlar_purge(void);

#ifdef __cplusplus
}
#endif

#endif
