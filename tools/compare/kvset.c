// SPDX-License-Identifier: MIT
/*
 * The demo's data set, as arithmetic; see kvset.h.
 *
 * Sizes follow what is published of production key-value stores: most values
 * are a few dozen to a few hundred bytes, and a thin tail of large ones holds
 * a third of the memory. A value's size changes with its version, so that
 * writes move objects between size classes as they do in real life.
 */
#include "kvset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One size range of the mix: this many of 1000 values lie in [min, max). */
struct size_range {
	unsigned int per_mille;
	unsigned int min;
	unsigned int max;
};

static const struct size_range size_mix[] = {
	{400, 16, 64},	  {350, 64, 256},    {170, 256, 1024},
	{60, 1024, 4096}, {18, 4096, 16384}, {2, 16384, KV_VALUE_MAX},
};

enum {
	HASH_SHARE = 8, /* one key in so many is a hash */
	WRITE_PERCENT = 50,
	DELETE_PERCENT = 3,
};

/* Salts, so that the streams drawn from one seed do not resemble each other. */
enum { SALT_SIZE = 1, SALT_BYTES = 2, SALT_OP = 3, SALT_FIELD = 16 };

/* The finaliser of MurmurHash3: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	return x ^ (x >> 33);
}

static uint64_t draw(const struct kvset *set, uint64_t salt, uint32_t a,
		     uint32_t b)
{
	return mix(mix(set->seed + salt) ^ ((uint64_t)a << 32 | b));
}

/**
 * kvset_init() - the data set as it is right after the fill
 * @set: where
 * @seed: any number
 * @nr_keys: how many keys, at least 1
 *
 * Return: 0, or -ENOMEM.
 */
int kvset_init(struct kvset *set, uint64_t seed, uint32_t nr_keys)
{
	uint32_t *versions = calloc(nr_keys, sizeof(*versions));

	if (!versions)
		return -ENOMEM;
	*set = (struct kvset){
		.seed = seed,
		.nr_keys = nr_keys,
		.nr_strings = nr_keys - nr_keys / HASH_SHARE,
		.versions = versions,
	};
	return 0;
}

void kvset_fini(struct kvset *set)
{
	free(set->versions);
	set->versions = NULL;
}

/**
 * kvset_next() - do the next operation
 * @set: its versions and count move on
 * @ret_op: what was done
 */
void kvset_next(struct kvset *set, struct kv_op *ret_op)
{
	uint64_t h = draw(set, SALT_OP, ++set->nr_ops, 0);
	unsigned int percent = (h >> 32) % 100;
	uint32_t id = (uint32_t)h % set->nr_keys;

	ret_op->id = id;
	ret_op->kind = KV_READ;
	if (percent < WRITE_PERCENT) {
		ret_op->kind = KV_WRITE;
		set->versions[id] = set->nr_ops;
	} else if (percent < WRITE_PERCENT + DELETE_PERCENT) {
		ret_op->kind = KV_DELETE;
		set->versions[id] = KV_ABSENT;
	}
	ret_op->version = set->versions[id];
}

uint32_t kvset_nr_live(const struct kvset *set)
{
	uint32_t nr = 0;

	for (uint32_t id = 0; id < set->nr_keys; id++)
		nr += set->versions[id] != KV_ABSENT;
	return nr;
}

/* Bytes that a client stored and would get back: keys, fields and values. */
uint64_t kvset_live_len(const struct kvset *set)
{
	uint64_t len = 0;
	char key[KV_KEY_MAX];

	for (uint32_t id = 0; id < set->nr_keys; id++) {
		if (set->versions[id] == KV_ABSENT)
			continue;
		len += kvset_key(set, id, key);
		len += kvset_value_len(set, id, set->versions[id]);
	}
	return len;
}

int kvset_is_hash(const struct kvset *set, uint32_t id)
{
	return id >= set->nr_strings;
}

/* Twelve digits: redis-benchmark's __rand_int__ then hits the same keys. */
size_t kvset_key(const struct kvset *set, uint32_t id, char *ret_key)
{
	if (kvset_is_hash(set, id))
		return snprintf(ret_key, KV_KEY_MAX, "h:%012u",
				id - set->nr_strings);
	return snprintf(ret_key, KV_KEY_MAX, "k:%012u", id);
}

static size_t string_len(const struct kvset *set, uint32_t id, uint32_t version)
{
	uint64_t h = draw(set, SALT_SIZE, id, version);
	unsigned int pick = h % 1000;
	const struct size_range *range = size_mix;

	while (pick >= range->per_mille)
		pick -= range++->per_mille;
	return range->min + (h >> 32) % (range->max - range->min);
}

static void fill_bytes(uint64_t state, char *ret_bytes, size_t len)
{
	while (len) {
		size_t n = len < sizeof(state) ? len : sizeof(state);

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		memcpy(ret_bytes, &state, n);
		ret_bytes += n;
		len -= n;
	}
}

/**
 * kvset_value() - what a string key holds
 * @set: the data set
 * @id: a string key
 * @version: the operation that wrote it, 0 for the fill
 * @ret_value: room for KV_VALUE_MAX bytes
 *
 * Return: the length in bytes.
 */
size_t kvset_value(const struct kvset *set, uint32_t id, uint32_t version,
		   char *ret_value)
{
	size_t len = string_len(set, id, version);

	fill_bytes(draw(set, SALT_BYTES, id, version) | 1, ret_value, len);
	return len;
}

static size_t field_len(const struct kvset *set, uint32_t id, uint32_t version,
			unsigned int field)
{
	return 8 +
	       draw(set, SALT_FIELD + field, id, version) % (KV_FIELD_MAX - 8);
}

/* As kvset_value(), for one field of a hash key; at most KV_FIELD_MAX. */
size_t kvset_field(const struct kvset *set, uint32_t id, uint32_t version,
		   unsigned int field, char *ret_value)
{
	size_t len = field_len(set, id, version, field);
	uint64_t h = draw(set, SALT_FIELD + field, version, id);

	fill_bytes(h | 1, ret_value, len);
	return len;
}

/* Length of a string's value, or of all names and values of a hash's fields. */
size_t kvset_value_len(const struct kvset *set, uint32_t id, uint32_t version)
{
	size_t len = 0;

	if (!kvset_is_hash(set, id))
		return string_len(set, id, version);
	for (unsigned int field = 0; field < KV_HASH_FIELDS; field++)
		len += 2 + field_len(set, id, version, field);
	return len;
}
