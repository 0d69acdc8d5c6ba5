// SPDX-License-Identifier: MIT
/*
 * trace.c - interprets bytes as calls of the malloc family, made by a few
 * threads that take turns, and checks every block against its pattern. Entry
 * point as libFuzzer wants it; driver.c calls it where there is no libFuzzer.
 *
 * Each input ends with all blocks freed, so that an input repeats by itself.
 */
#include "fuzz.h"
#include "testlib.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

enum { NR_SLOTS = 64, NR_THREADS = 3 };

enum op { ALLOC, CALLOC, ALIGNED, REALLOC, FREE, FREE_ALL, TRIM, CHURN, NR_OPS };

struct slot {
	void *p;
	size_t len;
	uint64_t id;
};

/* One step of a trace: which thread does what with which slot. */
struct step {
	enum op op;
	struct slot *slot;
	size_t len;
};

static struct slot slots[NR_SLOTS];
static uint64_t next_id;

static struct worker {
	sem_t go, done;
	pthread_t thread;
	struct step step;
	unsigned int nr_steps; /* until it ends and another takes its place */
} workers[NR_THREADS];

static void fail(const char *what, const struct slot *s)
{
	fprintf(stderr, "trace: %s: block %p of %zu bytes\n", what, s->p,
		s->len);
	abort();
}

static void release(struct slot *s)
{
	if (s->p && !pattern_holds(s->p, s->len, s->id))
		fail("overwritten", s);
	free(s->p);
	s->p = NULL;
	s->len = 0;
}

static void put_new(struct slot *s, void *p, size_t len)
{
	s->p = p;
	s->len = p ? len : 0;
	s->id = next_id++;
	if (!p)
		return;
	if (malloc_usable_size(p) < len)
		fail("usable size too small", s);
	pattern_fill(p, len, s->id);
}

static void resize(struct slot *s, size_t len)
{
	size_t old = s->len, kept = len < old ? len : old;
	void *p = realloc(s->p, len ? len : 1);

	if (!p)
		return;
	if (!pattern_holds_part(p, kept, old, s->id))
		fail("contents lost by realloc", s);
	put_new(s, p, len);
}

static void zeroed(struct slot *s, size_t len)
{
	void *p = calloc(1, len);

	if (p && first_nonzero(p, len) != len)
		fail("calloc not zero", s);
	put_new(s, p, len);
}

static void aligned(struct slot *s, size_t len)
{
	size_t align = (size_t)1 << len % 14;
	void *p = aligned_alloc(align, len);

	if ((uintptr_t)p & (align - 1))
		fail("misaligned", s);
	put_new(s, p, len);
}

/* Fills and empties caches of one class. */
static void churn(size_t len)
{
	void *p[40];
	int i;

	len %= 8192;
	for (i = 0; i < 40; i++) {
		p[i] = malloc(len);
		if (p[i] && len)
			*(volatile char *)p[i] = 1;
	}
	for (i = 0; i < 40; i++)
		free(p[i * 7 % 40]);
}

static void do_step(const struct step *step)
{
	int i;

	if (step->op != REALLOC && step->op < FREE_ALL)
		release(step->slot);
	switch (step->op) {
	case ALLOC:
		put_new(step->slot, malloc(step->len), step->len);
		break;
	case CALLOC:
		zeroed(step->slot, step->len);
		break;
	case ALIGNED:
		aligned(step->slot, step->len);
		break;
	case REALLOC:
		resize(step->slot, step->len);
		break;
	case FREE_ALL:
		for (i = 0; i < NR_SLOTS; i++)
			release(&slots[i]);
		break;
	case TRIM:
		malloc_trim(0);
		break;
	case CHURN:
		churn(step->len);
		break;
	default:
		break;
	}
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	bool is_last;

	do {
		while (sem_wait(&w->go))
			;
		do_step(&w->step);
		is_last = !--w->nr_steps;
		sem_post(&w->done);
	} while (!is_last);
	return NULL;
}

static void start_worker(struct worker *w, unsigned int nr_steps)
{
	w->nr_steps = nr_steps;
	sem_init(&w->go, 0, 0);
	sem_init(&w->done, 0, 0);
	if (pthread_create(&w->thread, NULL, run_worker, w))
		abort();
}

/* Let thread @nr do a step and wait for it; its life ends now and then. */
static void pass_to(unsigned int nr, const struct step *step)
{
	struct worker *w = &workers[nr];

	if (!w->nr_steps)
		start_worker(w, 20 + step->len % 200);
	w->step = *step;
	sem_post(&w->go);
	while (sem_wait(&w->done))
		;
	if (!w->nr_steps)
		pthread_join(w->thread, NULL);
}

/* Four bytes a step: operation and thread, slot, and a size with 8 bits of
 * mantissa and an exponent.
 */
static struct step decode(const uint8_t *b, unsigned int *ret_thread)
{
	struct step step = {
		.op = b[0] % NR_OPS,
		.slot = &slots[b[1] % NR_SLOTS],
		.len = (size_t)b[2] << b[3] % 14,
	};

	step.len += b[1] / NR_SLOTS;
	*ret_thread = b[0] / NR_OPS % (NR_THREADS + 1);
	/* Purging and starting over are dear: one in eight of those asked. */
	if ((step.op == TRIM || step.op == FREE_ALL) && b[3] % 8)
		step.op = ALLOC;
	return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct step end = {.op = FREE_ALL};
	unsigned int thread;

	for (; len >= 4; data += 4, len -= 4) {
		struct step step = decode(data, &thread);

		if (thread == NR_THREADS)
			do_step(&step);
		else
			pass_to(thread, &step);
	}
	do_step(&end);
	return 0;
}
