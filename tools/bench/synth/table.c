// SPDX-License-Identifier: MIT
/*
 * A hash table of strings: an entry is a link, a key of 8 to 47 bytes and a value
 * of 16 to 415, one value in 32 of up to 8 KiB. Filled, then one entry after the
 * other makes place for a new one. The mix of sizes is the same all the time, in
 * heaps of tens of MiB.
 */
#include "synth.h"

#include <stdlib.h>
#include <string.h>

enum { NR_ENTRIES = 1 << 19, MAX_CHAIN = 4 };

struct entry {
	struct entry *next;
	char *key;
	char *value;
};

static unsigned long nr_steps;
static int nr_running;

static char *random_string(uint64_t *seed, size_t least, size_t most)
{
	size_t size = least + random_below(seed, most - least);

	return memset(need(malloc(size)), 1, size);
}

static struct entry *entry_create(uint64_t *seed)
{
	struct entry *entry = need(malloc(sizeof(*entry)));
	int is_long = random_below(seed, 32) == 0;

	entry->key = random_string(seed, 8, 48);
	entry->value = random_string(seed, 16, is_long ? 8192 : 416);
	return entry;
}

static void entry_free(struct entry *entry)
{
	free(entry->key);
	free(entry->value);
	free(entry);
}

/* One more in a bucket; the oldest of a full one goes. */
static void bucket_add(struct entry **bucket, uint64_t *seed)
{
	struct entry **link = bucket, *entry;

	for (int i = 1; *link && i < MAX_CHAIN; i++)
		link = &(*link)->next;
	if (*link) {
		entry_free(*link);
		*link = NULL;
	}
	entry = entry_create(seed);
	entry->next = *bucket;
	*bucket = entry;
}

static void work(int index)
{
	uint64_t seed = thread_seed(index);
	size_t nr_buckets = NR_ENTRIES / MAX_CHAIN / nr_running;
	struct entry **buckets = need(calloc(nr_buckets, sizeof(*buckets)));
	struct entry *entry;

	for (size_t i = 0; i < nr_buckets; i++)
		for (int n = 0; n < MAX_CHAIN; n++)
			bucket_add(&buckets[i], &seed);
	for (unsigned long i = 0; i < nr_steps; i++)
		bucket_add(&buckets[random_below(&seed, nr_buckets)], &seed);
	for (size_t i = 0; i < nr_buckets; i++) {
		while ((entry = buckets[i])) {
			buckets[i] = entry->next;
			entry_free(entry);
		}
	}
	free(buckets);
}

void bench_run(int nr_threads, unsigned long percent)
{
	nr_running = nr_threads;
	nr_steps = 20000 * percent / nr_threads + 1;
	run_threads(nr_threads, work);
}
