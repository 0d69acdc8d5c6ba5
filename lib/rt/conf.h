/* SPDX-License-Identifier: MIT */
/*
 * Options.  One row of the table below is one option: field of struct conf,
 * parser, accepted range in messages, statistics and documentation all come
 * from it.
 *
 * OPT(name, kind, default, min, max, choices, doc)
 *	kind	BOOL true|false; INT, MS signed numbers; SIZE bytes with an
 *		optional K, M, G or T; LIMIT the same, or 0, or "N%", kept as
 *		-N; NODES local, interleave or bind=LIST (lib/rt/nodelist.h);
 *		ENUM one of choices; STR text
 */
#ifndef ASHLAR_RT_CONF_H
#define ASHLAR_RT_CONF_H

#include "base/bits.h"

enum { CONF_STR_MAX = 256 };

#define CONF_TABLE(OPT)                                                        \
	OPT(backend, ENUM, 0, 0, 4, "auto|dev|thp|hugetlb|plain",              \
	    "Where memory comes from. auto tries the device, then anonymous "  \
	    "memory with transparent huge pages, then plain pages.")           \
	OPT(device, STR, 0, 0, 0, "/dev/ashlar", "The module's device node.")  \
	OPT(thp_start, SIZE, 32 << 20, 0, 1L << 40, NULL,                      \
	    "Heap size from which on new memory is huge pages; below it a "    \
	    "small process stays on small pages and stays small. In a heap of "\
	    "four times as much the first pages are made huge, too.")            \
	OPT(chunk, SIZE, 64 << 20, 2 << 20, 1 << 30, NULL,                     \
	    "Step in which address space is taken into use, a multiple of "    \
	    "2 MiB.")                                                          \
	OPT(reserve, SIZE, 1L << 40, 16 << 20, 1L << 44, NULL,                 \
	    "Address space reserved at the start; the largest heap possible. " \
	    "A limit on address space (ulimit -v) reserves less.")             \
	OPT(dirty_decay_ms, MS, 1000, -1, 3600000, NULL,                       \
	    "Time by which memory that is not needed has been given back to "  \
	    "the kernel; 0 at once, -1 never.")                                \
	OPT(soft_limit, LIMIT, 0, 4 << 20, 1L << 44, NULL,                     \
	    "Memory to hold, metadata included, above which everything free "  \
	    "goes back at once and caches shrink. A percentage is of the "     \
	    "memory cgroup's limit, or of the machine's memory where there "   \
	    "is none.")                                                        \
	OPT(hard_limit, LIMIT, 0, 4 << 20, 1L << 44, NULL,                     \
	    "Memory to hold, metadata included, above which allocations fail " \
	    "(NULL and ENOMEM, or bad_alloc), after everything free has gone " \
	    "back.")                                                           \
	OPT(pressure, STR, 0, 0, 0, "auto",                                    \
	    "Where to hear that memory is short: auto (the cgroup's or the "   \
	    "machine's pressure stall information, and the module), off, or "  \
	    "the path of a file like /proc/pressure/memory or of a FIFO. A "   \
	    "path keeps the background thread running.")                       \
	OPT(numa, NODES, 0, 0, 62, NULL,                                       \
	    "Where memory lies: local to the thread that first takes it, "     \
	    "interleaved over all nodes, or on the nodes of a list like "      \
	    "bind=0-1+3 only.")                                                \
	OPT(prefault, SIZE, 0, 0, 1L << 40, NULL,                              \
	    "Most bytes that the background thread backs ahead of demand "     \
	    "while the heap grows, for backends thp and plain; 0 none. It "    \
	    "takes CPU time for memory that may not be needed, and needs a "   \
	    "dirty_decay_ms above 0.")                                         \
	OPT(background_thread, ENUM, 0, 0, 2, "auto|on|off",                   \
	    "A thread that purges while the program does not allocate. auto "  \
	    "starts it when there is much to purge.")                          \
	OPT(tcache_max, SIZE, 1 << 20, 4096, 1 << 30, NULL,                    \
	    "Most bytes of free objects a thread's cache may hold, and as "    \
	    "much again of blocks above 32 KiB; up to four times that while "  \
	    "it is a quarter of what the thread has in use. Many threads "     \
	    "share 64 such caches.")                                           \
	OPT(harden, BOOL, 0, 0, 1, NULL,                                       \
	    "Look for misuse: check every free, keep canaries behind blocks "  \
	    "and guard pages between them, place them at random, let freed "   \
	    "ones wait. Costs the fast path and memory.")                      \
	OPT(quarantine, SIZE, 4 << 20, 0, 1L << 36, NULL,                      \
	    "With harden, bytes of freed blocks that wait, filled, before "    \
	    "they can be handed out again; 0 none.")                           \
	OPT(guard_pages, ENUM, 0, 0, 2, "auto|mprotect|off",                   \
	    "With harden, pages without access around large blocks and "       \
	    "between slabs. auto marks them in the page tables (Linux 6.13), " \
	    "where that is not to be had by mprotect, which takes mappings.")  \
	OPT(stats_print, BOOL, 0, 0, 1, NULL,                                  \
	    "Print statistics on stderr at exit.")                             \
	OPT(stats_json, STR, 0, 0, 0, "",                                      \
	    "Write statistics as JSON to this file at exit; %p is the "        \
	    "process id.")                                                     \
	OPT(warn, BOOL, 1, 0, 1, NULL,                                         \
	    "Say on stderr, once each, when memory comes from a lesser "       \
	    "backend than asked for.")                                         \
	OPT(abort_conf, BOOL, 0, 0, 1, NULL,                                   \
	    "An unknown option or bad value ends the process.")

#define CONF_FIELD_BOOL(name) long name;
#define CONF_FIELD_INT(name) long name;
#define CONF_FIELD_MS(name) long name;
#define CONF_FIELD_SIZE(name) long name;
#define CONF_FIELD_LIMIT(name) long name;
#define CONF_FIELD_NODES(name) long name;
#define CONF_FIELD_ENUM(name) long name;
#define CONF_FIELD_STR(name) char name[CONF_STR_MAX];
#define CONF_FIELD(name, kind, def, min, max, choices, doc)                    \
	CONF_FIELD_##kind(name)

struct conf {
	CONF_TABLE(CONF_FIELD)
};

enum conf_backend {
	BACKEND_AUTO,
	BACKEND_DEV,
	BACKEND_THP,
	BACKEND_HUGETLB,
	BACKEND_PLAIN,
};

enum conf_guard { GUARD_PAGES_AUTO, GUARD_PAGES_MPROTECT, GUARD_PAGES_OFF };

enum conf_background { BACKGROUND_AUTO, BACKGROUND_ON, BACKGROUND_OFF };

/* Written once by conf_load(), then only read. */
extern struct conf conf;

struct print;

void conf_load(const char *env);
unsigned int conf_parse(const char *text, const char *where);
unsigned int conf_parse_file(const char *path);
void conf_print_text(struct print *p);
void conf_print_json(struct print *p);

#endif
