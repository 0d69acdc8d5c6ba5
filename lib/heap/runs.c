// SPDX-License-Identifier: MIT
/*
 * Runs by length and by age.  A request is served by the shortest that is long
 * enough and at most an eighth too long; when there is no room for another one,
 * the oldest go.
 *
 * What waits leaves gaps in huge pages that longer runs could use, so there is
 * room for few at first, and for more only while most requests are served.
 */
#include "heap/runs.h"

#include "heap/large.h"
#include "hpheap/hpage.h"
#include "hpheap/place.h"

enum {
	MOST_WASTE = 8, /* one in so many units */
	LEAST_LIMIT = 32, /* units */
	FIRST_LIMIT = 64,
	MANY_ASKED = 32,
	POOR_PERCENT = 25, /* of requests served */
	FAIR_PERCENT = 50,
	GOOD_PERCENT = 87,
};

/* What the header of a run is while it waits. */
struct waiting {
	struct span span;
	struct hlist same_len;
	struct list age;
};

static_assert(sizeof(struct waiting) <= SPAN_BYTES, "header too large");

static struct span *take_out(struct run_cache *r, struct waiting *w)
{
	unsigned int i = w->span.nr_units - 1;

	hlist_del(&w->same_len);
	list_del(&w->age);
	if (!r->of_len[i])
		r->some &= ~(1ULL << i);
	r->nr_units -= w->span.nr_units;
	return &w->span;
}

static struct span *take_oldest(struct run_cache *r)
{
	return take_out(r, container_of(r->by_age.prev, struct waiting, age));
}

/**
 * runs_alloc() - a large allocation from the cache
 * @r: the calling thread's
 * @size: bytes
 *
 * Return: the memory, which holds anything; or NULL if no run will do.
 */
void *runs_alloc(struct run_cache *r, size_t size)
{
	size_t want = (size + UNIT_SIZE - 1) >> UNIT_SHIFT, len;
	u64 fit;

	if (want > RUN_UNITS_MAX)
		return NULL;
	r->nr_asked++;
	r->is_idle = false;
	fit = r->some >> (want - 1) << (want - 1);
	len = fit ? ctz64(fit) + 1 : RUN_UNITS_MAX + 1;
	if (len > min_size(want + want / MOST_WASTE, RUN_UNITS_MAX))
		return NULL;
	r->nr_taken++;
	return large_begin(take_out(r, container_of(r->of_len[len - 1],
						  struct waiting, same_len)));
}

static unsigned int limit_of(const struct run_cache *r)
{
	return r->limit ? r->limit : FIRST_LIMIT;
}

static void shrink_to(struct run_cache *r, unsigned int nr_units)
{
	while (r->nr_units > nr_units)
		large_release(take_oldest(r));
}

/**
 * runs_keep() - put a run into the cache
 * @r: the calling thread's
 * @s: the run, of no allocation
 * @budget: bytes that may wait at most
 *
 * Return: false if it is not to be kept.
 */
bool runs_keep(struct run_cache *r, struct span *s, size_t budget)
{
	struct waiting *w = container_of(s, struct waiting, span);
	unsigned int most = min_size(budget >> UNIT_SHIFT, limit_of(r));
	unsigned int nr_units = s->nr_units;

	if (r->is_idle || nr_units > min_size(most, RUN_UNITS_MAX))
		return false;
	if (!r->some) {
		list_init(&r->by_age);
		r->node = place_node();
	}
	/* Memory of another node goes back there. */
	if (space.hpages[s->unit / HPAGE_UNITS].node != r->node)
		return false;
	shrink_to(r, most - nr_units);
	hlist_add(&w->same_len, &r->of_len[nr_units - 1]);
	list_add(&w->age, &r->by_age);
	r->some |= 1ULL << (nr_units - 1);
	r->nr_units += nr_units;
	return true;
}

/* Give all back. */
void runs_flush(struct run_cache *r)
{
	shrink_to(r, 0);
}

/**
 * runs_review() - more room if it helps, less if it does not, none if nobody asks
 * @r: the calling thread's; called now and then
 * @budget: bytes that may wait at most
 */
void runs_review(struct run_cache *r, size_t budget)
{
	unsigned int most = budget >> UNIT_SHIFT, limit = limit_of(r), percent;

	r->is_idle = r->nr_asked == r->nr_seen;
	if (r->is_idle)
		runs_flush(r);
	r->nr_seen = r->nr_asked;
	r->node = place_node();
	if (r->nr_asked < MANY_ASKED)
		return;
	percent = 100 * r->nr_taken / r->nr_asked;
	if (percent < POOR_PERCENT)
		limit /= 2;
	else if (percent >= FAIR_PERCENT && percent < GOOD_PERCENT)
		limit = min_size(2 * limit, most);
	r->limit = max_size(limit, LEAST_LIMIT);
	shrink_to(r, r->limit);
	r->nr_asked = r->nr_taken = r->nr_seen = 0;
}
