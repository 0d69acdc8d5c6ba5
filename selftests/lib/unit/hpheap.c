// SPDX-License-Identifier: MIT
/*
 * hpheap.c - the huge-page heap on address space that nobody ever touches: the
 * backend is this file's, puts no memory behind anything, and fails when told
 * to. A model knows who owns each unit and which may hold something, and so
 * what may be given back, and what may be called zero.
 */
#include "ktap.h"
#include "testlib.h"

#include <errno.h>

#include "backend/backend.h"
#include "hpheap/discard.h"
#include "hpheap/hpheap.h"
#include "hpheap/purge.h"
#include "hpheap/space.h"
#include "os/sys.h"
#include "rt/conf.h"

#define NR_RUNS 400
#define MODEL_UNITS (1u << 19) /* 2 GiB */

struct owned {
	size_t unit, nr;
};

static struct owned runs[NR_RUNS];
static bool is_used[MODEL_UNITS], is_touched[MODEL_UNITS];
static bool is_vacant[MODEL_UNITS]; /* in use, but nothing in it */
static unsigned int nr_maps, nr_discards;
static unsigned int fail_map, fail_discard; /* the nth call on, 0: none */
static size_t locked_hpage;		    /* can't be given back, 0: none */
static struct hpheap *heap;

static int fake_discard(void *addr, size_t len)
{
	size_t unit = space_unit(addr), i;

	EXPECT(!((uintptr_t)addr % os_page_size) && !(len % os_page_size),
	       "%#zx bytes at %p with pages of %zu", len, addr, os_page_size);
	if (++nr_discards >= fail_discard && fail_discard)
		return -EINVAL;
	if (unit / HPAGE_UNITS == locked_hpage)
		return -EINVAL;
	for (i = unit; i < unit + len / UNIT_SIZE; i++) {
		EXPECT(!is_used[i], "unit %zu given back while in use", i);
		is_touched[i] = false;
	}
	return 0;
}

/* As the kernel's: up to the first range that is refused. */
static long fake_discard_many(const struct os_range *ranges, unsigned int nr)
{
	long done = 0;
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++) {
		err = fake_discard(ranges[i].addr, ranges[i].len);
		if (err)
			return done ? done : err;
		done += ranges[i].len;
	}
	return done;
}

static long no_discard_many(const struct os_range *ranges, unsigned int nr)
{
	(void)ranges;
	(void)nr;
	return -ENOSYS;
}

/* A base page stays whole or goes whole: the caller says which. */
static int fake_break(void *addr, const struct bitmap *keep)
{
	size_t unit = space_unit(addr), grain = os_page_size / UNIT_SIZE, i;
	unsigned int n;

	for (i = 0; i < HPAGE_UNITS; i++)
		EXPECT(bitmap_test(keep, i) == bitmap_test(keep, i / grain * grain),
		       "unit %zu of a page of %zu", i, grain);
	if (++nr_discards >= fail_discard && fail_discard)
		return -EBUSY;
	for (i = n = 0; i < HPAGE_UNITS; i++) {
		if (bitmap_test(keep, i))
			continue;
		EXPECT(!is_used[unit + i] || is_vacant[unit + i],
		       "unit %zu given back while in use", unit + i);
		is_touched[unit + i] = false;
	}
	return 0;
}

enum { FAKE_ONE, FAKE_MANY, FAKE_NO_MANY, FAKE_BREAK, NR_FAKES };

#define FAKE(text, ...)                                                        \
	{ .name = text, .is_huge = true, .discard = fake_discard, __VA_ARGS__ }

static const struct backend_ops fake_ops[NR_FAKES] = {
	[FAKE_ONE] = FAKE("one by one"),
	[FAKE_MANY] = FAKE("many", .discard_many = fake_discard_many),
	[FAKE_NO_MANY] = FAKE("can't", .discard_many = no_discard_many),
	[FAKE_BREAK] = FAKE("a module", .break_hpage = fake_break),
};

static unsigned int fake;

const struct backend_ops *backend_get(enum backend_id id)
{
	(void)id;
	return &fake_ops[fake];
}

static size_t mapped_as[WANT_HUGE + 1];

int backend_map(void *addr, size_t len, enum backend_want want,
		enum backend_id *ret_id)
{
	EXPECT(!((uintptr_t)addr % HPAGE_SIZE) && !(len % HPAGE_SIZE) && len,
	       "%#zx bytes at %p", len, addr);
	EXPECT((space_unit(addr) + len / UNIT_SIZE) <= MODEL_UNITS,
	       "%p outside the model", addr);
	if (++nr_maps >= fail_map && fail_map)
		return -ENOMEM;
	mapped_as[want] += len;
	*ret_id = BK_THP;
	return 0;
}

/* Everything below runs on one heap, set up once. */
static int set_up(void)
{
	if (heap)
		return 1;
	os_init();
	conf.thp_start = 8 << 20;
	if (!EXPECT(!space_init((size_t)1 << 30), "no address space"))
		return 0;
	heap = hpheap_get(0);
	return EXPECT(heap, "no heap");
}

static void own(struct owned *o, const struct run *run, size_t nr,
		size_t align)
{
	size_t i, dirty = 0;

	o->unit = run->unit;
	o->nr = nr;
	EXPECT(!((uintptr_t)space_addr(run->unit) % (align * UNIT_SIZE)),
	       "%p for alignment %zu units", space_addr(run->unit), align);
	for (i = o->unit; i < o->unit + nr; i++) {
		EXPECT(!is_used[i], "unit %zu given out twice", i);
		dirty += i >= o->unit + run->nr_stale && is_touched[i];
		is_used[i] = is_touched[i] = true;
	}
	EXPECT(!dirty, "%zu dirty units called zero", dirty);
}

static bool take(struct owned *o, size_t nr, size_t align)
{
	struct run run;

	if (hpheap_alloc(heap, nr, align, &run))
		return false;
	own(o, &run, nr, align);
	return true;
}

static void give(struct owned *o)
{
	memset(is_used + o->unit, 0, o->nr);
	hpheap_free(o->unit, o->nr);
	o->nr = 0;
}

static void give_all(void)
{
	unsigned int i;

	for (i = 0; i < NR_RUNS; i++)
		if (runs[i].nr)
			give(&runs[i]);
	hpheap_check(heap);
}

static void shrink(struct owned *o, struct rng *rng)
{
	size_t keep = 1 + rng_below(rng, o->nr);

	if (keep == o->nr)
		return;
	memset(is_used + o->unit + keep, 0, o->nr - keep);
	hpheap_free(o->unit + keep, o->nr - keep);
	o->nr = keep;
}

static void extend(struct owned *o, struct rng *rng)
{
	size_t more = 1 + rng_below(rng, 200);
	struct run run = {.unit = o->unit + o->nr, .nr_stale = more};
	struct owned tail;

	if (!hpheap_extend(o->unit, o->nr, o->nr + more))
		return;
	own(&tail, &run, more, 1);
	o->nr += more;
}

static size_t some_length(struct rng *rng)
{
	uint64_t dice = rng_below(rng, 100);

	if (dice < 60)
		return 1 + rng_below(rng, 32);
	if (dice < 95)
		return 1 + rng_below(rng, HPAGE_UNITS);
	return rng_size(rng, 8 * HPAGE_UNITS);
}

static void work(struct rng *rng, int nr_steps)
{
	int i;

	for (i = 0; i < nr_steps; i++) {
		struct owned *o = &runs[rng_below(rng, NR_RUNS)];
		uint64_t dice = rng_below(rng, 20);
		size_t align = dice ? 1 : (size_t)1 << rng_below(rng, 12);

		if (!o->nr)
			take(o, some_length(rng), align);
		else if (dice < 3)
			extend(o, rng);
		else if (dice < 6)
			shrink(o, rng);
		else
			give(o);
		if (i % 1000 == 0) {
			fake = rng_below(rng, NR_FAKES);
			purge_run(heap, PURGE_ALL, 1 + rng_below(rng, 50));
		}
	}
	hpheap_check(heap);
}

static void against_model(void)
{
	struct rng rng;

	if (!set_up())
		return;
	rng_start(&rng);
	work(&rng, 40000 * (int)test_scale());
	give_all();
}

/* The first test: the heap has nothing yet. */
static void begins_small(void)
{
	unsigned int nr = 0;

	if (!set_up())
		return;
	while (nr < NR_RUNS && !mapped_as[WANT_HUGE])
		if (!take(&runs[nr++], HPAGE_UNITS / 2, 1))
			break;
	EXPECT_EQ((size_t)conf.thp_start / 4, mapped_as[WANT_SMALL]);
	EXPECT_EQ((size_t)conf.thp_start / 4 * 3, mapped_as[WANT_READY]);
	EXPECT(mapped_as[WANT_HUGE], "no huge pages after %u runs", nr);
	give_all();
}

/* Growth refused from the nth call on: allocation fails and changes nothing;
 * what is there is still served; later growth works again.
 */
static void growth_refused(void)
{
	struct rng rng;
	unsigned int n;

	if (!set_up())
		return;
	rng_start(&rng);
	for (n = 1; n < 12; n++) {
		struct owned big = {};
		size_t mapped;

		nr_maps = 0;
		fail_map = n;
		work(&rng, 1500);
		fail_map = 1;
		mapped = heap->stats.mapped;
		if (take(&big, MODEL_UNITS / 8, 1))
			give(&big);
		work(&rng, 1500);
		EXPECT_EQ(mapped, heap->stats.mapped);
		fail_map = 0;
	}
	give_all();
	EXPECT(take(&runs[0], 3 * HPAGE_UNITS, 1), "no growth afterwards");
	give_all();
}

static size_t dirty_units(void)
{
	size_t nr = 0, i;

	for (i = 0; i < MODEL_UNITS; i++)
		nr += is_touched[i] && !is_used[i];
	return nr;
}

static void purge_all_gives_all(void)
{
	struct rng rng;

	if (!set_up())
		return;
	rng_start(&rng);
	work(&rng, 5000);
	purge_run(heap, PURGE_ALL, UINT32_MAX);
	EXPECT_EQ(0, dirty_units());
	EXPECT_EQ(0, purge_pending(heap));
	hpheap_check(heap);
	give_all();
	purge_run(heap, PURGE_ALL, UINT32_MAX);
	EXPECT_EQ(0, purge_pending(heap));
}

/* With larger base pages some dirty units can't go; all whole pages must. */
static void purge_by_large_pages(void)
{
	static const size_t sizes[] = {16384, 65536};
	size_t was, grain, unit, i, whole;
	unsigned int s, n;
	struct rng rng;

	if (!set_up())
		return;
	rng_start(&rng);
	was = os_page_size;
	for (s = 0; s < 2; s++) {
		os_page_size = sizes[s];
		grain = sizes[s] / UNIT_SIZE;
		work(&rng, 5000);
		purge_run(heap, PURGE_ALL, UINT32_MAX);
		whole = 0;
		for (unit = 0; unit < MODEL_UNITS; unit += grain) {
			for (i = n = 0; i < grain; i++)
				n += is_touched[unit + i] &&
				     !is_used[unit + i];
			for (i = 0; i < grain && !is_used[unit + i]; i++)
				;
			whole += n && i == grain;
		}
		EXPECT(!whole, "%zu whole pages of %zu left dirty", whole,
		       sizes[s]);
	}
	os_page_size = was;
	give_all();
}

/* Nothing whole is free of a page that is broken: it is left alone. */
static void no_whole_page_is_free(void)
{
	struct owned o[8] = {};
	size_t was = os_page_size;
	unsigned int i;

	if (!set_up())
		return;
	give_all();
	purge_run(heap, PURGE_ALL, UINT32_MAX);
	os_page_size = 16384;
	fake = FAKE_BREAK;
	for (i = 0; i < 8; i++)
		EXPECT(take(&o[i], 1, 1), "no unit");
	give(&o[0]);
	give(&o[5]);
	/* It breaks the page: behind these there was more. */
	EXPECT_EQ(HPAGE_UNITS - 8, purge_run(heap, PURGE_ALL, 10));
	nr_discards = 0;
	EXPECT_EQ(0, purge_run(heap, PURGE_ALL, 10));
	EXPECT_EQ(0, nr_discards);
	EXPECT_EQ(2 * UNIT_SIZE, purge_pending(heap));
	os_page_size = was;
	for (i = 0; i < 8; i++)
		if (o[i].nr)
			give(&o[i]);
	fake = FAKE_ONE;
}

/* A kernel that refuses: dirty stays dirty, nothing is lost, no endless loop,
 * and it goes back once the kernel no longer refuses.
 */
static void discard_refused(void)
{
	struct rng rng;
	unsigned int n;
	size_t dirty;

	if (!set_up())
		return;
	rng_start(&rng);
	for (n = 1; n < 20; n++) {
		work(&rng, 1000);
		nr_discards = 0;
		fail_discard = n;
		purge_run(heap, PURGE_ALL, UINT32_MAX);
		fail_discard = 0;
		hpheap_check(heap);
		dirty = dirty_units();
		EXPECT(purge_pending(heap) >= dirty * UNIT_SIZE,
		       "%zu bytes pending, %zu units dirty",
		       purge_pending(heap), dirty);
	}
	purge_run(heap, PURGE_ALL, UINT32_MAX);
	EXPECT_EQ(0, dirty_units());
	give_all();
}

/* One huge page that can't be given back (mlock) does not keep the others. */
static void one_is_locked(void)
{
	struct rng rng;
	size_t i, dirty;

	if (!set_up())
		return;
	rng_start(&rng);
	for (i = 0; i < 20; i++) {
		work(&rng, 3000);
		if (i % 4 == 3)
			give_all();
		locked_hpage = runs[i].nr ? runs[i].unit / HPAGE_UNITS : 3;
		purge_run(heap, PURGE_ALL, UINT32_MAX);
		dirty = dirty_units();
		EXPECT(dirty <= HPAGE_UNITS, "%zu units still dirty", dirty);
		locked_hpage = 0;
	}
	give_all();
}

/* Who is late from the start makes one call, and then no more. */
static void late_is_one_call(void)
{
	struct os_range ranges[3];
	unsigned int i;

	if (!set_up())
		return;
	give_all();
	for (i = 0; i < 3; i++)
		ranges[i] = (struct os_range){
			.addr = space_addr((MODEL_UNITS / HPAGE_UNITS - 1 - i) *
					   HPAGE_UNITS),
			.len = UNIT_SIZE,
		};
	for (i = FAKE_ONE; i <= FAKE_NO_MANY; i++) {
		struct discard_cost cost = {.deadline_ns = 1};

		EXPECT_EQ(i == FAKE_MANY ? 7 : 1,
			  discard_ranges(&fake_ops[i], ranges, 3, &cost));
		EXPECT_EQ(1, cost.nr_calls);
		EXPECT_EQ(0, discard_ranges(&fake_ops[i], ranges, 3, &cost));
	}
}

/* Vacant units go with the free ones; they stay in use, and hollow. */
static void broken_for_vacant_units(void)
{
	struct bitmap vacant = {};
	struct hpheap_stats stats = {};
	struct owned o = {}, other = {};
	size_t held, i;

	if (!set_up())
		return;
	give_all();
	purge_run(heap, PURGE_ALL, UINT32_MAX);
	fake = FAKE_BREAK;
	held = heap->stats.held;
	EXPECT(take(&o, 300, 1) && take(&other, 100, 1), "no units");
	EXPECT_EQ(o.unit / HPAGE_UNITS, other.unit / HPAGE_UNITS);
	EXPECT_EQ(held + HPAGE_SIZE, heap->stats.held);
	for (i = o.unit; i < o.unit + 200; i++) {
		is_vacant[i] = true;
		bitmap_set(&vacant, i % HPAGE_UNITS);
	}
	fail_discard = 1;
	nr_discards = 0;
	EXPECT(!hpheap_break(o.unit / HPAGE_UNITS, &vacant), "was refused");
	EXPECT_EQ(held + HPAGE_SIZE, heap->stats.held);
	fail_discard = 0;
	EXPECT(hpheap_break(o.unit / HPAGE_UNITS, &vacant), "not refused");
	hpheap_check(heap);
	EXPECT_EQ(held + 200 * UNIT_SIZE, heap->stats.held);
	hpheap_stats_add(heap, &stats);
	EXPECT_EQ(1, stats.nr_broken);
	EXPECT(hpheap_touch(o.unit, 1), "can't be touched");
	EXPECT_EQ(held + 201 * UNIT_SIZE, heap->stats.held);
	memset(is_vacant, 0, sizeof(is_vacant));
	give(&o);
	give(&other);
	hpheap_check(heap);
	fake = FAKE_ONE;
}

/* What was purged and not used again is zero. */
static void purged_is_zero(void)
{
	struct owned o = {};
	struct run run;

	if (!set_up())
		return;
	give_all();
	purge_run(heap, PURGE_ALL, UINT32_MAX);
	EXPECT_EQ(0, hpheap_alloc(heap, 700, 1, &run));
	EXPECT(!run.nr_stale, "%zu not called zero after a purge",
	       run.nr_stale);
	own(&o, &run, 700, 1);
	give(&o);
	EXPECT_EQ(0, hpheap_alloc(heap, 700, 1, &run));
	EXPECT_EQ(700, run.nr_stale);
	own(&o, &run, 700, 1);
	give(&o);
	/* What lies behind the huge pages that were used is still zero. */
	EXPECT_EQ(0, hpheap_alloc(heap, 4 * HPAGE_UNITS, 1, &run));
	EXPECT_EQ(2 * HPAGE_UNITS, run.nr_stale);
	own(&o, &run, 4 * HPAGE_UNITS, 1);
	give(&o);
}

/* The whole reservation can be used, then it ends in -ENOMEM, then again. */
static void reservation_ends(void)
{
	unsigned int nr = 0, again = 0;

	if (!set_up())
		return;
	while (nr < NR_RUNS && take(&runs[nr], 4 * HPAGE_UNITS, 1))
		nr++;
	EXPECT(nr > 90, "only %u runs of 8 MiB in 1 GiB", nr);
	EXPECT(nr < NR_RUNS, "never refused");
	give_all();
	while (again < nr && take(&runs[again], 4 * HPAGE_UNITS, 1))
		again++;
	EXPECT_EQ(nr, again);
	give_all();
}

static const struct ktap_test tests[] = {
	{"begins_small", begins_small},
	{"against_model", against_model},
	{"growth_refused", growth_refused},
	{"purge_all_gives_all", purge_all_gives_all},
	{"purge_by_large_pages", purge_by_large_pages},
	{"no_whole_page_is_free", no_whole_page_is_free},
	{"discard_refused", discard_refused},
	{"one_is_locked", one_is_locked},
	{"late_is_one_call", late_is_one_call},
	{"broken_for_vacant_units", broken_for_vacant_units},
	{"purged_is_zero", purged_is_zero},
	{"reservation_ends", reservation_ends},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
