// SPDX-License-Identifier: MIT
/*
 * small.c - broken huge pages that are kept small: the kernel's mappings for it
 * are counted as they are, and never more than allowed; what the kernel refuses
 * changes nothing; what is small is broken.
 */
#include "ktap.h"
#include "testlib.h"

#include "backend/backend.h"
#include "hpheap/small.h"
#include "hpheap/space.h"
#include "os/sys.h"

enum { NR = 64, MAX_BORDERS = 24, SHARE = 8 };

struct space space;
static struct hpage hpages[NR + 1]; /* none has index 0 */
static struct hpheap heap;
static bool is_small[NR + 2]; /* as the kernel was told */
static bool is_refused;

static int fake_stay_small(void *addr, size_t len, bool small)
{
	size_t i = (uintptr_t)addr >> HPAGE_SHIFT;

	EXPECT_EQ(HPAGE_SIZE, len);
	if (is_refused)
		return -12;
	is_small[i] = small;
	return 0;
}

static const struct backend_ops ops = {.stay_small = fake_stay_small};

const struct backend_ops *backend_get(enum backend_id id)
{
	(void)id;
	return &ops;
}

size_t __wrap_os_max_mappings(void);

size_t __wrap_os_max_mappings(void)
{
	return MAX_BORDERS * SHARE;
}

size_t space_first_hpage(void)
{
	return 1;
}

size_t space_end_hpage(void)
{
	return NR + 1;
}

size_t hpheap_index(const struct hpage *hp)
{
	return hp - hpages;
}

void hpheap_detach(struct hpheap *h, struct hpage *hp)
{
	EXPECT(h == &heap && !hp->is_broken, "detached for nothing");
}

void hpheap_attach(struct hpheap *h, struct hpage *hp)
{
	EXPECT(h == &heap && hp->is_broken, "attached as it was");
}

static unsigned int nr_borders(void)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i <= NR; i++)
		nr += is_small[i] != is_small[i + 1];
	return nr;
}

/* As the library has it and as the kernel was told. */
static void expect_alike(void)
{
	for (unsigned int i = 1; i <= NR; i++)
		if (!EXPECT(hpages[i].is_small == is_small[i] &&
			    (!is_small[i] || hpages[i].is_broken),
			    "huge page %u", i))
			_exit(1);
	EXPECT(nr_borders() <= MAX_BORDERS, "%u borders", nr_borders());
}

static void set_up(void)
{
	for (unsigned int i = 1; i <= NR; i++) {
		if (!hpages[i].is_known)
			hpage_init(&hpages[i], 0, BK_THP);
		small_end(&heap, &hpages[i]); /* the first of a row takes none */
		hpages[i].is_broken = false;
	}
	EXPECT_EQ(0, nr_borders());
}

static void any_order(void)
{
	unsigned int nr_full = 0;
	struct rng rng;

	rng_start(&rng);
	set_up();
	for (unsigned int n = 0; n < 20000; n++) {
		struct hpage *hp = &hpages[1 + rng_below(&rng, NR)];
		bool was_small = hp->is_small;

		is_refused = !rng_below(&rng, 16);
		if (rng_below(&rng, 2))
			small_begin(&heap, hp);
		else
			small_end(&heap, hp);
		if (is_refused)
			EXPECT(hp->is_small == was_small, "changed");
		if (!hp->is_small)
			hp->is_broken = false;
		nr_full += nr_borders() >= MAX_BORDERS - 1;
		expect_alike();
	}
	EXPECT(nr_full > 0, "never as many as allowed");
	is_refused = false;
}

/* Neighbours share their borders: all of them take two. */
static void neighbours(void)
{
	set_up();
	for (unsigned int i = 1; i <= NR; i++)
		small_begin(&heap, &hpages[i]);
	for (unsigned int i = 1; i <= NR; i++)
		EXPECT(hpages[i].is_small, "huge page %u", i);
	expect_alike();
	set_up();
	for (unsigned int i = 1; i <= NR; i += 2)
		small_begin(&heap, &hpages[i]);
	EXPECT_EQ(MAX_BORDERS, nr_borders());
}

static const struct ktap_test tests[] = {
	{"any_order", any_order},
	{"neighbours", neighbours},
	{},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
