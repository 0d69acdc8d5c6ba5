/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, all under the system "ashlar".
 *
 * Cheap when off.  Their fields are stable enough for scripts, but no ABI.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ashlar

#if !defined(ASHLAR_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ASHLAR_TRACE_H

#include <linux/mm.h>
#include <linux/tracepoint.h>

#include "region.h"

TRACE_EVENT(ashlar_handout,
	TP_PROTO(struct page *page, int users),
	TP_ARGS(page, users),
	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(int, nid)
		__field(int, users)
	),
	TP_fast_assign(
		__entry->pfn = page_to_pfn(page);
		__entry->nid = page_to_nid(page);
		__entry->users = users;
	),
	TP_printk("pfn=0x%lx nid=%d users=%d", __entry->pfn, __entry->nid,
		  __entry->users)
);

TRACE_EVENT(ashlar_fault,
	TP_PROTO(struct vm_fault *vmf, vm_fault_t ret),
	TP_ARGS(vmf, ret),
	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(unsigned int, flags)
		__field(unsigned int, ret)
	),
	TP_fast_assign(
		__entry->address = vmf->address;
		__entry->flags = vmf->flags;
		__entry->ret = (__force unsigned int)ret;
	),
	TP_printk("address=0x%lx flags=0x%x ret=0x%x", __entry->address,
		  __entry->flags, __entry->ret)
);

DECLARE_EVENT_CLASS(ashlar_slot,
	TP_PROTO(struct region *region, unsigned long idx, unsigned long nr),
	TP_ARGS(region, idx, nr),
	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(unsigned long, nr)
	),
	TP_fast_assign(
		__entry->address = region_addr(region, idx);
		__entry->nr = nr;
	),
	TP_printk("address=0x%lx nr=%lu", __entry->address, __entry->nr)
);

DEFINE_EVENT(ashlar_slot, ashlar_cow,
	TP_PROTO(struct region *region, unsigned long idx, unsigned long nr),
	TP_ARGS(region, idx, nr));

DEFINE_EVENT(ashlar_slot, ashlar_fold,
	TP_PROTO(struct region *region, unsigned long idx, unsigned long nr),
	TP_ARGS(region, idx, nr));

DEFINE_EVENT(ashlar_slot, ashlar_break,
	TP_PROTO(struct region *region, unsigned long idx, unsigned long nr),
	TP_ARGS(region, idx, nr));

DEFINE_EVENT(ashlar_slot, ashlar_move,
	TP_PROTO(struct region *region, unsigned long idx, unsigned long nr),
	TP_ARGS(region, idx, nr));

DECLARE_EVENT_CLASS(ashlar_hunk,
	TP_PROTO(struct region *region, unsigned long idx),
	TP_ARGS(region, idx),
	TP_STRUCT__entry(
		__field(unsigned long, address)
	),
	TP_fast_assign(
		__entry->address = region_addr(region, idx);
	),
	TP_printk("address=0x%lx", __entry->address)
);

DEFINE_EVENT(ashlar_hunk, ashlar_collapse,
	TP_PROTO(struct region *region, unsigned long idx),
	TP_ARGS(region, idx));

DEFINE_EVENT(ashlar_hunk, ashlar_discard,
	TP_PROTO(struct region *region, unsigned long idx),
	TP_ARGS(region, idx));

TRACE_EVENT(ashlar_fork,
	TP_PROTO(struct region *region),
	TP_ARGS(region),
	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(unsigned long, nr_slots)
	),
	TP_fast_assign(
		__entry->address = region_addr(region, 0);
		__entry->nr_slots = region->nr_slots;
	),
	TP_printk("address=0x%lx nr_slots=%lu", __entry->address,
		  __entry->nr_slots)
);

TRACE_EVENT(ashlar_remap,
	TP_PROTO(struct region *region, unsigned long pgoff,
		 unsigned long nr_pages),
	TP_ARGS(region, pgoff, nr_pages),
	TP_STRUCT__entry(
		__field(unsigned long, address)
		__field(unsigned long, nr_pages)
	),
	TP_fast_assign(
		__entry->address = pgoff << PAGE_SHIFT;
		__entry->nr_pages = nr_pages;
	),
	TP_printk("address=0x%lx nr_pages=%lu", __entry->address,
		  __entry->nr_pages)
);

DECLARE_EVENT_CLASS(ashlar_pool,
	TP_PROTO(int nid, unsigned long nr),
	TP_ARGS(nid, nr),
	TP_STRUCT__entry(
		__field(int, nid)
		__field(unsigned long, nr)
	),
	TP_fast_assign(
		__entry->nid = nid;
		__entry->nr = nr;
	),
	TP_printk("nid=%d nr=%lu", __entry->nid, __entry->nr)
);

DEFINE_EVENT(ashlar_pool, ashlar_zero,
	TP_PROTO(int nid, unsigned long nr), TP_ARGS(nid, nr));

DEFINE_EVENT(ashlar_pool, ashlar_shrink,
	TP_PROTO(int nid, unsigned long nr), TP_ARGS(nid, nr));

#endif /* ASHLAR_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
