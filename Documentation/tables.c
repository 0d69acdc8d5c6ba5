// SPDX-License-Identifier: MIT
/*
 * Prints the pages that are tables of the library: options and statistics.
 * The rows are the library's own, so a page can only be old, never wrong;
 * `make check` compares. No part of the library.
 */
#include <stdio.h>
#include <string.h>

#include "heap/stats.h"
#include "rt/conf.h"

#define NOTE(table)                                                            \
	".. SPDX-License-Identifier: MIT\n"                                    \
	".. Written by Documentation/tables.c from " table                     \
	": edit that, then run `make docs-tables`.\n\n"

static void print_size(long v)
{
	const char *const suffixes = "KMGT";
	int i = -1;

	for (; v && v % 1024 == 0 && i < 3; i++)
		v /= 1024;
	printf("%ld", v);
	if (i >= 0)
		putchar(suffixes[i]);
}

static void print_text(const char *s)
{
	if (*s)
		printf("``%s``", s);
	else
		printf("none");
}

/* The n-th of "a|b|c". */
static void print_choice(const char *choices, long n)
{
	while (n--)
		choices = strchr(choices, '|') + 1;
	printf("``%.*s``", (int)strcspn(choices, "|"), choices);
}

static void print_choices(const char *choices)
{
	const char *sep = "";

	while (*choices) {
		size_t len = strcspn(choices, "|");

		printf("%s``%.*s``", sep, (int)len, choices);
		choices += len + (choices[len] == '|');
		sep = ", ";
	}
}

#define ROW_BOOL(def, min, max, choices)                                       \
	printf("``true`` or ``false``; default ``%s``\n",                      \
	       (def) ? "true" : "false");
#define ROW_INT(def, min, max, choices)                                        \
	printf("%ld to %ld; default %ld\n", (long)(min), (long)(max),          \
	       (long)(def));
#define ROW_MS(def, min, max, choices)                                         \
	printf("milliseconds, %ld to %ld; default %ld\n", (long)(min),         \
	       (long)(max), (long)(def));
#define ROW_SIZE(def, min, max, choices)                                       \
	printf("bytes, ");                                                     \
	print_size(min);                                                       \
	printf(" to ");                                                        \
	print_size(max);                                                       \
	printf("; default ");                                                  \
	print_size(def);                                                       \
	putchar('\n');
#define ROW_LIMIT(def, min, max, choices)                                      \
	printf("``0`` (none), ``1%%`` to ``100%%``, or bytes, ");              \
	print_size(min);                                                       \
	printf(" to ");                                                        \
	print_size(max);                                                       \
	printf("; default ``0``\n");
#define ROW_NODES(def, min, max, choices)                                      \
	printf("``local``, ``interleave``, ``bind=LIST`` with a list like "    \
	       "``0-1+3`` of nodes %d to %d; default ``local``\n",             \
	       min, max);
#define ROW_ENUM(def, min, max, choices)                                       \
	print_choices(choices);                                                \
	printf("; default ");                                                  \
	print_choice(choices, def);                                            \
	putchar('\n');
#define ROW_STR(def, min, max, choices)                                        \
	printf("text of at most %d characters; default ", CONF_STR_MAX - 1);   \
	print_text(choices);                                                   \
	putchar('\n');
#define ROW(name, kind, def, min, max, choices, doc)                           \
	printf("\n``" #name "``\n    | ");                                     \
	ROW_##kind(def, min, max, choices)                                     \
	printf("    | %s\n", doc);

static void print_options(void)
{
	printf(NOTE("lib/rt/conf.h")
	       "Options\n=======\n\n"
	       "An option is ``key:value``; options are separated by commas.\n"
	       "Three sources are read, in this order, each overriding the one "
	       "before:\n\n"
	       "1. the program's own variable ``ashlar_conf`` "
	       "(``<ashlar/ashlar.h>``);\n"
	       "2. ``/etc/ashlar.conf``, one option a line or commas, ``#`` "
	       "starts a comment;\n"
	       "3. the environment variable ``ASHLAR_CONF``, which programs "
	       "with raised\n   privileges (set-user-ID, capabilities) ignore."
	       "\n\n"
	       "A bad item is named on standard error with what would be "
	       "accepted and\nchanges nothing; the others take effect. "
	       "Sizes take the suffixes K, M, G\nand T (powers of 1024).\n\n"
	       ".. code-block:: sh\n\n"
	       "    ASHLAR_CONF=backend:thp,dirty_decay_ms:5000,"
	       "stats_print:true \\\n"
	       "        LD_PRELOAD=build/lib/libashlar.so perl -e 1\n");
	CONF_TABLE(ROW)
}

#define STAT_ROW(name, doc) printf("\n``" #name "``\n    %s\n", doc);

static void print_statistics(void)
{
	printf(NOTE("lib/heap/stats.h")
	       "Statistics\n==========\n\n"
	       "The same figures come as text on standard error "
	       "(``stats_print:true`` at exit,\n``malloc_stats()`` any time), "
	       "as JSON (``stats_json:/tmp/%%p.json`` at exit,\n"
	       "``ashlar_stats_json()`` any time) and as XML "
	       "(``malloc_info()``). Sums are over\nall threads and NUMA nodes; "
	       "threads are not stopped for them, so a sum may be\na few "
	       "objects off. The JSON object also holds ``version``, ``pid`` and "
	       "``options``.\n\n"
	       "``resident`` and ``huge`` are read from ``/proc/self/smaps`` at "
	       "that moment; they\nare 0 where ``/proc`` is not mounted. "
	       "Comparing them with ``in_use`` and ``dirty``\nshows what the "
	       "kernel granted as against what the library asked for.\n");
	STATS_TABLE(STAT_ROW)
	STATS_TEXT_TABLE(STAT_ROW)
	printf("\n``nodes``\n    In JSON an array with an object for each NUMA "
	       "node that memory was taken for,\n    in text a line: ``in_use``, "
	       "``dirty``, ``held``, ``purged`` as above,\n    ``sampled`` and "
	       "``local``, of which the sums are ``numa_sampled`` and\n"
	       "    ``numa_local``.\n");
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "options")) {
		print_options();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "statistics")) {
		print_statistics();
		return 0;
	}
	fprintf(stderr, "usage: %s options|statistics\n", argv[0]);
	return 2;
}
