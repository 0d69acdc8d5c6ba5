/* SPDX-License-Identifier: MIT */
/*
 * Statistics.  One row of the table is one figure: the gatherer fills the
 * field, text and JSON come from the row.
 *
 * STAT(name, doc)
 */
#ifndef ASHLAR_HEAP_STATS_H
#define ASHLAR_HEAP_STATS_H

#include "base/bits.h"

#define STATS_TABLE(STAT)                                                      \
	STAT(allocated, "bytes in blocks of the program and in caches")        \
	STAT(small, "of those, in slots of slabs")                             \
	STAT(large, "of those, in large allocations")                          \
	STAT(nr_large, "large allocations")                                    \
	STAT(in_use, "bytes of runs: slabs and large allocations")             \
	STAT(dirty, "bytes free but still backed by the kernel")               \
	STAT(held, "bytes counted against the limits: backed or to be backed " \
		   "at the first touch, huge pages whole, with metadata")      \
	STAT(held_peak, "the most that was ever held")                         \
	STAT(soft_limit, "bytes of soft_limit now, 0 for none")                \
	STAT(hard_limit, "bytes of hard_limit now, 0 for none")                \
	STAT(soft_passed, "times the soft limit was passed")                   \
	STAT(hard_refused, "allocations refused at the hard limit")            \
	STAT(pressure_events, "times the kernel or the module told of memory " \
			      "pressure")                                      \
	STAT(pressure_ignored, "times that was not believed: enough was free") \
	STAT(pressure_calls, "calls of functions registered for it")           \
	STAT(numa_sampled, "pages that the kernel was asked the node of")      \
	STAT(numa_local, "of those, on a node where they should be")           \
	STAT(mapped, "bytes of address space taken into use")                  \
	STAT(metadata, "bytes of the library's own tables")                    \
	STAT(resident, "bytes resident, as the kernel says")                   \
	STAT(huge, "of those, on huge pages, as the kernel says")              \
	STAT(hpages, "2 MiB pages with something in use")                      \
	STAT(hpages_empty, "2 MiB pages with nothing in use")                  \
	STAT(hpages_broken, "2 MiB pages partly given back")                   \
	STAT(purged, "bytes given back so far")                                \
	STAT(purges, "system calls for it")                                    \
	STAT(purge_ns, "nanoseconds in them")                                  \
	STAT(purge_max_ns, "nanoseconds of the longest of them")               \
	STAT(prefaulted, "bytes backed ahead of demand")                       \
	STAT(prefault_hits, "of those, bytes in 2 MiB pages that were taken")  \
	STAT(prefault_ns, "nanoseconds of CPU time spent on that")             \
	STAT(collapsed, "broken 2 MiB pages made huge again")                  \
	STAT(collapse_refused, "times the kernel would not")                   \
	STAT(thp_max_ptes_none, "small pages that khugepaged may find missing " \
				"in what it makes huge")                       \
	STAT(threads, "threads with a cache")                                  \
	STAT(heaps, "thread heaps ever made")                                  \
	STAT(refills, "times a cache was filled")                              \
	STAT(flushes, "times a cache was emptied")                             \
	STAT(remote_frees, "objects freed by a thread that did not own them")  \
	STAT(quarantined, "bytes that count for freed blocks which wait "       \
			  "(harden)")                                          \
	STAT(guards, "guards of pages without access (harden)")                \
	STAT(guards_refused, "guards that the kernel refused")                 \
	STAT(fallbacks, "times the wanted backend could not serve")

/* Figures that are words. */
#define STATS_TEXT_TABLE(STAT)                                                 \
	STAT(pressure_source,                                                  \
	     "where memory pressure is heard of, or why nowhere")              \
	STAT(thp_state, "whether the kernel gives this process transparent "   \
			"huge pages")                                          \
	STAT(collapse_error, "why it last would not make a page huge again")

enum { STATS_TEXT_MAX = 320 };

#define STATS_FIELD(name, doc) u64 name;
#define STATS_TEXT_FIELD(name, doc) char name[STATS_TEXT_MAX];

struct stats {
	STATS_TABLE(STATS_FIELD)
	STATS_TEXT_TABLE(STATS_TEXT_FIELD)
};

struct print;

void stats_count(struct stats *s);
void stats_gather(struct stats *s);
void stats_print_text(struct print *p, const struct stats *s);
void stats_print_json(struct print *p, const struct stats *s);

#endif
