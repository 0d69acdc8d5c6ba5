// SPDX-License-Identifier: MIT
/*
 * Gathering and printing statistics.  Figures of running threads are read
 * without stopping them: a sum may be a few objects off.
 */
#include "heap/stats.h"

#include <string.h>

#include "backend/backend.h"
#include "heap/large.h"
#include "heap/nodes.h"
#include "heap/notify.h"
#include "heap/pressure.h"
#include "heap/quarantine.h"
#include "heap/theap.h"
#include "heap/thread.h"
#include "heap/truth.h"
#include "hpheap/guard.h"
#include "hpheap/hpheap.h"
#include "hpheap/limit.h"
#include "hpheap/space.h"
#include "os/sys.h"
#include "os/thp.h"
#include "rt/conf.h"
#include "rt/meta.h"
#include "rt/print.h"

static void gather_heaps(struct stats *s)
{
	for (struct theap *h = theap_next(NULL); h; h = theap_next(h)) {
		lock_acquire(&h->lock);
		s->small += h->used;
		s->refills += h->nr_refills;
		s->flushes += h->nr_flushes;
		s->remote_frees += h->nr_remote;
		lock_release(&h->lock);
	}
	s->heaps = theap_count();
	s->threads = thread_count();
}

static void put_words(char *to, const char *words)
{
	struct print p;

	print_to_buf(&p, to, STATS_TEXT_MAX);
	print_str(&p, words);
}

static const char *error_text(int err)
{
	const char *name = err ? strerrorname_np(-err) : "none";

	return name ? name : "unknown";
}

static void gather_hpheaps(struct stats *s)
{
	struct hpheap_stats sum = { .mapped = 0 };

	for (struct hpheap *h = hpheap_next(NULL); h; h = hpheap_next(h))
		hpheap_stats_add(h, &sum);
	s->in_use = sum.used;
	s->dirty = sum.dirty;
	s->mapped = sum.mapped;
	s->hpages = sum.nr_hpages;
	s->hpages_empty = sum.nr_empty;
	s->hpages_broken = sum.nr_broken;
	s->purged = sum.purged;
	s->purges = sum.nr_purges;
	s->purge_ns = sum.purge_ns;
	s->purge_max_ns = sum.purge_max_ns;
	s->prefaulted = sum.prefaulted;
	s->prefault_hits = sum.prefault_hits;
	s->prefault_ns = sum.prefault_ns;
	s->collapsed = sum.nr_collapsed;
	s->collapse_refused = sum.nr_refused;
	put_words(s->collapse_error, error_text(sum.refused_err));
}

/* SIZE_MAX, no limit, is 0 in the statistics. */
static u64 bytes_of_limit(size_t bytes)
{
	return bytes == SIZE_MAX ? 0 : bytes;
}

static void gather_limits(struct stats *s)
{
	s->held = limit_held();
	s->held_peak = max_size(limit.peak, s->held);
	s->soft_limit = bytes_of_limit(limit.soft);
	s->hard_limit = bytes_of_limit(limit.hard);
	s->soft_passed = limit.nr_soft;
	s->hard_refused = limit.nr_refused;
	s->pressure_events = pressure_events();
	s->pressure_ignored = pressure_ignored();
	s->pressure_calls = notify_calls();
	pressure_describe(s->pressure_source, sizeof(s->pressure_source));
}

/**
 * stats_count() - take the figures that the library keeps itself
 * @s: receives them; resident and huge, which only the kernel knows, are 0
 */
void stats_count(struct stats *s)
{
	*s = (struct stats){ .allocated = 0 };
	gather_heaps(s);
	gather_hpheaps(s);
	gather_limits(s);
	s->large = large_bytes();
	s->nr_large = large_count();
	s->allocated = s->small + s->large;
	s->metadata = meta_bytes() + space_meta_bytes();
	s->quarantined = quarantine_bytes();
	s->guards = guard_count();
	s->guards_refused = guard_refused();
	s->fallbacks = backend_fallbacks();
}

/**
 * stats_gather() - take all figures
 * @s: receives them
 *
 * Reads /proc/self/smaps, so it takes time and stack: not for what a program
 * may call often.
 */
void stats_gather(struct stats *s)
{
	struct truth t = { .rss = 0 };
	struct node_share share;
	long max_ptes_none;

	stats_count(s);
	nodes_share(&share);
	s->numa_sampled = share.sampled;
	s->numa_local = share.local;
	truth_read(&t);
	s->resident = t.rss;
	s->huge = t.huge;
	max_ptes_none = os_thp_max_ptes_none("");
	s->thp_max_ptes_none = max_ptes_none > 0 ? max_ptes_none : 0;
	put_words(s->thp_state, os_thp_text(os_thp_state("")));
}

#define PRINT_TEXT(name, doc)                                                  \
	print_str(p, "  " #name ": ");                                         \
	print_u64(p, s->name);                                                 \
	print_str(p, " (" doc ")\n");

#define PRINT_TEXT_WORDS(name, doc)                                            \
	print_str(p, "  " #name ": ");                                         \
	print_str(p, s->name);                                                 \
	print_str(p, " (" doc ")\n");

/* One line a figure. */
void stats_print_text(struct print *p, const struct stats *s)
{
	print_str(p, "ashlar " ASHLAR_VERSION ", process ");
	print_u64(p, os_getpid());
	print_str(p, ", statistics:\n");
	STATS_TABLE(PRINT_TEXT)
	STATS_TEXT_TABLE(PRINT_TEXT_WORDS)
	nodes_print_text(p);
	print_str(p, "options:\n");
	conf_print_text(p);
}

#define PRINT_JSON(name, doc)                                                  \
	print_str(p, ",\"" #name "\":");                                       \
	print_u64(p, s->name);

#define PRINT_JSON_WORDS(name, doc)                                            \
	print_str(p, ",\"" #name "\":");                                       \
	print_json_str(p, s->name);

/* One object. */
void stats_print_json(struct print *p, const struct stats *s)
{
	print_str(p, "{\"version\":\"" ASHLAR_VERSION "\",\"pid\":");
	print_u64(p, os_getpid());
	STATS_TABLE(PRINT_JSON)
	STATS_TEXT_TABLE(PRINT_JSON_WORDS)
	print_str(p, ",\"nodes\":");
	nodes_print_json(p);
	print_str(p, ",\"options\":");
	conf_print_json(p);
	print_str(p, "}\n");
}
