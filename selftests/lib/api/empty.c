// SPDX-License-Identifier: MIT
/*
 * empty.c - what becomes of memory that a program has freed: all of it goes
 * back by itself though the program never allocates again; malloc_trim() gives
 * back the base pages on which nothing is live; and the library's own tables do
 * not grow with the number of times that a heap has grown and shrunk.
 */
#include "ktap.h"
#include "testlib.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#define FILL (192u << 20)
#define OBJECT 256
#define NR_OBJECTS (FILL / OBJECT)
#define PATIENCE_S 60 /* a second or three on an idle machine */

static char *objects[NR_OBJECTS];
static unsigned int nr_objects = NR_OBJECTS; /* that are allocated */

/* Resident KiB, read without malloc. */
static long resident_kib(void)
{
	char text[256] = "", *at;
	int fd = open("/proc/self/statm", O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text) - 1);

	close(fd);
	at = len > 0 ? strchr(text, ' ') : NULL;
	return at ? strtol(at, NULL, 10) * (sysconf(_SC_PAGESIZE) >> 10) : -1;
}

static void fill(void)
{
	unsigned int i;

	for (i = 0; i < nr_objects; i++) {
		objects[i] = malloc(OBJECT);
		if (!objects[i])
			_exit(2);
		memset(objects[i], 1, OBJECT);
	}
}

/* A child: the heap is its own, and so is the background thread. */
static int fill_free_sleep(void *arg)
{
	const struct timespec pause = {0, 50000000};
	long before, goal, waiting, now = 0;
	unsigned int i;

	memset(objects, 0, sizeof(objects));
	before = resident_kib();
	goal = before + (4 << 10);
	fill();
	if (resident_kib() < before + nr_objects / (1024 / OBJECT))
		return 3;
	/* Long enough for a thread that was started ahead to be there. */
	nanosleep(&pause, NULL);
	for (i = 0; i < nr_objects; i++)
		free(objects[i]);
	for (i = 0; i < PATIENCE_S * 20; i++) {
		now = resident_kib();
		waiting = (long)ashlar_stat("quarantined") >> 10;
		if (now <= goal + waiting)
			return 0;
		nanosleep(&pause, NULL);
	}
	dprintf(2, "%ld KiB resident, %ld before\n", now, before);
	(void)arg;
	return 1;
}

static void only_frees(void)
{
	static char *const argv[] = {"/proc/self/exe", "sleeper", NULL};
	struct child child;

	if (!is_ashlar()) {
		ktap_skip("libc keeps what is below its top");
		return;
	}
	child_exec(&child, argv, getenv("ASHLAR_CONF"));
	EXPECT(child_code(&child) == 0, "exit code %d: %s",
	       child_code(&child), child.text);
}

static pthread_barrier_t done;

static void *wait_done(void *arg)
{
	pthread_barrier_wait(&done);
	return arg;
}

/* The same of a heap of a third of that, in a process with another thread. */
static int smaller(void)
{
	pthread_t thread;
	int code;

	pthread_barrier_init(&done, NULL, 2);
	if (pthread_create(&thread, NULL, wait_done, NULL))
		return 2;
	nr_objects = NR_OBJECTS / 3;
	code = fill_free_sleep(NULL);
	pthread_barrier_wait(&done);
	pthread_join(thread, NULL);
	return code;
}

static void only_frees_threaded(void)
{
	struct child child;

	if (!is_ashlar()) {
		ktap_skip("libc keeps what is below its top");
		return;
	}
	inner_exec(&child, "smaller", getenv("ASHLAR_CONF"));
	EXPECT(child_code(&child) == 0, "exit code %d: %s",
	       child_code(&child), child.text);
}

#define NR_SLEEPERS 16
#define PART (NR_OBJECTS / NR_SLEEPERS / 16)

static pthread_barrier_t filled, freed;

static void *fill_and_sleep(void *arg)
{
	char **part = arg;
	unsigned int i;

	for (i = 0; i < PART; i++)
		part[i] = malloc(OBJECT);
	pthread_barrier_wait(&filled);
	pthread_barrier_wait(&freed);
	return NULL;
}

/* What sleeping threads allocated and others free goes back, though the owners
 * never come to look into their inboxes.
 */
static int sleepers(void)
{
	const struct timespec pause = {0, 50000000};
	pthread_t threads[NR_SLEEPERS];
	long long before, full, now = 0;
	unsigned int i;

	pthread_barrier_init(&filled, NULL, NR_SLEEPERS + 1);
	pthread_barrier_init(&freed, NULL, NR_SLEEPERS + 1);
	/* Keeps the background thread there. */
	objects[NR_OBJECTS - 1] = malloc(FILL);
	before = ashlar_stat("in_use");
	for (i = 0; i < NR_SLEEPERS; i++)
		if (pthread_create(&threads[i], NULL, fill_and_sleep,
				   objects + i * PART))
			return 2;
	pthread_barrier_wait(&filled);
	full = ashlar_stat("in_use");
	for (i = 0; i < NR_SLEEPERS * PART; i++)
		free(objects[i]);
	for (i = 0; i < PATIENCE_S * 20; i++) {
		/* Those in quarantine wait longer, on purpose. */
		now = ashlar_stat("in_use") - ashlar_stat("quarantined");
		/* The caches of the sleepers are theirs. */
		if (now - before < (full - before) / 8)
			break;
		nanosleep(&pause, NULL);
	}
	if (i == PATIENCE_S * 20)
		dprintf(2, "%lld bytes in runs, %lld when full, %lld before\n",
			now, full, before);
	pthread_barrier_wait(&freed);
	return i == PATIENCE_S * 20;
}

static const struct inner inners[] = {
	{"smaller", smaller},
	{"sleepers", sleepers},
	{},
};

static void owners_sleep(void)
{
	struct child child;

	if (!is_ashlar()) {
		ktap_skip("libc says nothing of its slabs");
		return;
	}
	inner_exec(&child, "sleepers", getenv("ASHLAR_CONF"));
	EXPECT(child_code(&child) == 0, "exit code %d: %s", child_code(&child),
	       child.text);
}

static void grow_and_shrink(struct rng *rng)
{
	unsigned int i, nr = 16000;

	for (i = 0; i < nr; i++)
		objects[i] = malloc(1 + rng_below(rng, 1000));
	for (i = 0; i < nr; i++)
		free(objects[i]);
}

static void metadata_is_flat(void)
{
	struct rng rng;
	long long early, late;
	int i;

	if (!is_ashlar()) {
		ktap_skip("libc says nothing of its tables");
		return;
	}
	rng_start(&rng);
	for (i = 0; i < 100; i++)
		grow_and_shrink(&rng);
	early = ashlar_stat("metadata");
	for (; i < 1000; i++)
		grow_and_shrink(&rng);
	late = ashlar_stat("metadata");
	EXPECT(late <= early + (256 << 10), "%lld bytes, %lld before", late,
	       early);
}

/* What a heap needed for tables when it was large it does not keep. */
static void metadata_shrinks(void)
{
	long long before = ashlar_stat("metadata"), full, after;
	unsigned int i;

	if (!is_ashlar()) {
		ktap_skip("libc says nothing of its tables");
		return;
	}
	fill();
	full = ashlar_stat("metadata");
	for (i = 0; i < NR_OBJECTS; i++)
		free(objects[i]);
	malloc_trim(0);
	after = ashlar_stat("metadata");
	EXPECT(after - before < (full - before) / 2 + (256 << 10),
	       "%lld bytes, %lld when full, %lld before", after, full, before);
}

/* Resident base pages of [@lo, @lo + @nr pages) on which nothing is live. */
static void count_empty(uintptr_t lo, size_t nr, const unsigned char *is_live,
			size_t *ret_empty, size_t *ret_resident)
{
	size_t page = sysconf(_SC_PAGESIZE), i;
	unsigned char in_core;

	*ret_empty = 0;
	*ret_resident = 0;
	for (i = 0; i < nr; i++) {
		if (is_live[i] != 1)
			continue;
		(*ret_empty)++;
		if (!mincore((void *)(lo + i * page), page, &in_core))
			*ret_resident += in_core & 1;
	}
}

/* Of the base pages that thinning at random leaves empty 95 % go back. */
static void trim_gives_empty_pages(void)
{
	size_t page = sysconf(_SC_PAGESIZE), nr, empty, resident;
	uintptr_t lo = UINTPTR_MAX, hi = 0;
	unsigned char *state; /* of each page: 1: was used, 3: has a live one */
	struct rng rng;
	unsigned int i;

	rng_start(&rng);
	fill();
	for (i = 0; i < NR_OBJECTS; i++) {
		uintptr_t at = (uintptr_t)objects[i];

		lo = at < lo ? at : lo;
		hi = at + OBJECT > hi ? at + OBJECT : hi;
	}
	lo &= ~(page - 1);
	nr = (hi - lo) / page + 1;
	state = mmap(NULL, nr, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!EXPECT(state != MAP_FAILED, "no table"))
		return;
	for (i = 0; i < NR_OBJECTS; i++) {
		size_t at = ((uintptr_t)objects[i] - lo) / page;

		state[at] |= 1;
		if (rng_below(&rng, 20)) {
			free(objects[i]);
			objects[i] = NULL;
		} else {
			state[at] |= 2;
		}
	}
	malloc_trim(0);
	count_empty(lo, nr, state, &empty, &resident);
	EXPECT(empty > 100, "%zu pages empty", empty);
	if (is_ashlar())
		EXPECT(resident <= empty / 20, "%zu of %zu empty pages resident",
		       resident, empty);
	for (i = 0; i < NR_OBJECTS; i++)
		free(objects[i]);
	munmap(state, nr);
}

static const struct ktap_test tests[] = {
	{"only_frees", only_frees},
	{"only_frees_threaded", only_frees_threaded},
	{"owners_sleep", owners_sleep},
	{"metadata_is_flat", metadata_is_flat},
	{"metadata_shrinks", metadata_shrinks},
	{"trim_gives_empty_pages", trim_gives_empty_pages},
	{},
};

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "sleeper"))
		return fill_free_sleep(NULL);
	if (argc > 2 && !strcmp(argv[1], "inner"))
		return inner_run(inners, argv[2]);
	return ktap_main(tests, argc, argv);
}
