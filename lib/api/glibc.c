// SPDX-License-Identifier: MIT
/*
 * glibc's calls around malloc: statistics, trimming, tuning.
 */
#include "api/api.h"

#include <malloc.h>
#include <stdio.h>

#include "heap/process.h"
#include "heap/stats.h"
#include "rt/print.h"

/* Nothing is kept on purpose, so @pad has no meaning here. */
API int malloc_trim(size_t pad)
{
	(void)pad;
	return process_init() && process_purge_all();
}

API struct mallinfo2 mallinfo2(void)
{
	struct mallinfo2 m = { .arena = 0 };
	struct stats s;

	if (!process_init())
		return m;
	stats_count(&s);
	m.arena = s.in_use - s.large;
	m.hblks = s.nr_large;
	m.hblkhd = s.large;
	m.uordblks = s.allocated;
	m.fordblks = s.in_use - s.allocated + s.dirty;
	m.keepcost = s.dirty;
	return m;
}

/* The old interface wraps above 2 GiB; that is its nature. */
API struct mallinfo mallinfo(void)
{
	struct mallinfo2 m = mallinfo2();

	return (struct mallinfo){
		.arena = m.arena,
		.hblks = m.hblks,
		.hblkhd = m.hblkhd,
		.uordblks = m.uordblks,
		.fordblks = m.fordblks,
		.keepcost = m.keepcost,
	};
}

/* glibc's tunables have no counterpart; known ones are accepted. */
API int mallopt(int param, int value)
{
	switch (param) {
	case M_MXFAST:
		return value >= 0 && value <= 160;
	case M_TRIM_THRESHOLD:
	case M_TOP_PAD:
	case M_MMAP_THRESHOLD:
	case M_MMAP_MAX:
	case M_CHECK_ACTION:
	case M_PERTURB:
	case M_ARENA_TEST:
	case M_ARENA_MAX:
		return 1;
	default:
		return 0;
	}
}

API void malloc_stats(void)
{
	char buf[1024];
	struct stats s;
	struct print p;

	if (!process_init())
		return;
	stats_gather(&s);
	print_to_fd(&p, 2, buf, sizeof(buf));
	stats_print_text(&p, &s);
	print_flush(&p);
}

#define PRINT_XML(name, doc)                                                   \
	print_str(&p, "<" #name ">");                                          \
	print_u64(&p, s.name);                                                 \
	print_str(&p, "</" #name ">\n");

/* The caller brings the stdio stream, so it may cost what stdio costs. */
API int malloc_info(int options, FILE *stream)
{
	char buf[4096];
	struct stats s;
	struct print p;

	if (options || !process_init())
		return -1;
	stats_gather(&s);
	print_to_buf(&p, buf, sizeof(buf));
	print_str(&p, "<malloc version=\"ashlar-" ASHLAR_VERSION "\">\n");
	STATS_TABLE(PRINT_XML)
	print_str(&p, "</malloc>\n");
	return fputs(buf, stream) < 0 ? -1 : 0;
}
