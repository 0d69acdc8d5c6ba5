/* SPDX-License-Identifier: MIT */
/*
 * The demo's data set, as arithmetic: which keys there are, what each one
 * holds after any number of operations, and what operation comes next. All of
 * it follows from a seed, so a snapshot taken after operation N can be checked
 * byte by byte by someone who never saw the server. No I/O happens here; see
 * resp.h for the wire and kvload.c for the client that joins them.
 */
#ifndef KVSET_H
#define KVSET_H

#include <stddef.h>
#include <stdint.h>

enum {
	KV_KEY_MAX = 16, /* "k:" and twelve digits, and a NUL */
	KV_VALUE_MAX = 64 << 10,
	KV_HASH_FIELDS = 6,
	KV_FIELD_MAX = 40,
};

/* A key's version while it does not exist. */
#define KV_ABSENT UINT32_MAX

enum kv_op_kind { KV_READ, KV_WRITE, KV_DELETE };

/**
 * struct kv_op - one operation on one key
 * @kind: what is done
 * @id: the key, below kvset.nr_keys
 * @version: what a write stores and what a read must find
 */
struct kv_op {
	enum kv_op_kind kind;
	uint32_t id;
	uint32_t version;
};

/**
 * struct kvset - the keys and their present versions
 * @seed: everything else follows from it
 * @nr_keys: strings and hashes together
 * @nr_strings: the first so many keys are strings, the others are hashes
 * @nr_ops: operations done since the fill
 * @versions: number of the operation that wrote each key, 0 for the fill
 */
struct kvset {
	uint64_t seed;
	uint32_t nr_keys;
	uint32_t nr_strings;
	uint32_t nr_ops;
	uint32_t *versions;
};

int kvset_init(struct kvset *set, uint64_t seed, uint32_t nr_keys);
void kvset_fini(struct kvset *set);
void kvset_next(struct kvset *set, struct kv_op *ret_op);
uint32_t kvset_nr_live(const struct kvset *set);
uint64_t kvset_live_len(const struct kvset *set);

int kvset_is_hash(const struct kvset *set, uint32_t id);
size_t kvset_key(const struct kvset *set, uint32_t id, char *ret_key);
size_t kvset_value(const struct kvset *set, uint32_t id, uint32_t version,
		   char *ret_value);
size_t kvset_value_len(const struct kvset *set, uint32_t id, uint32_t version);
size_t kvset_field(const struct kvset *set, uint32_t id, uint32_t version,
		   unsigned int field, char *ret_value);

#endif
