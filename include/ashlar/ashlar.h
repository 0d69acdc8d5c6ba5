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

/**
 * ashlar_thread_node() - choose the NUMA node that the calling thread's memory is
 *	taken from
 * @node: the node; -1: the one that the thread runs on, which is the default
 *
 * From now on the thread allocates from a heap of that node, wherever it runs, and
 * as far as the node has memory.  What it has allocated stays where it is, and may be
 * freed by anybody; its place is used again by threads of its node.
 *
 * Return: 0, or an error number: EINVAL the process may not use memory of such a
 * node; EOPNOTSUPP the option "numa" is not "local", or the process was started
 * with a memory policy (numactl); ENOMEM the library could not be set up.
 */
int ashlar_thread_node(int node);

/**
 * ashlar_pressure_register() - have a function called when memory is short
 * @fn: the function
 * @arg: its argument
 *
 * It is called when the kernel or the Ashlar module tells of memory pressure
 * (option "pressure") and when soft_limit is passed, before the library gives
 * its own free memory back; at most ten times a second.  The library's
 * background thread calls, one function at a time, with all signals blocked and
 * 256 KiB of stack.  It may allocate and free, register and unregister.
 *
 * Functions stay registered in the child of a fork, where the thread is started
 * by a later allocation.
 *
 * Return: 0, or an error number: EINVAL @fn is NULL; EEXIST @fn is registered
 * with this @arg; ENOSPC 32 are registered; EOPNOTSUPP background_thread:off;
 * EAGAIN no thread could be started; ENOMEM the library could not be set up.
 */
int ashlar_pressure_register(void (*fn)(void *arg), void *arg);

/**
 * ashlar_pressure_unregister() - undo ashlar_pressure_register()
 * @fn: the function
 * @arg: the argument it was registered with
 *
 * Waits for a call that is running, unless called by it: then do not hold a lock
 * that the function takes.  After the return it is not called any more.
 *
 * Return: 0, or ENOENT: it is not registered.
 */
int ashlar_pressure_unregister(void (*fn)(void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
