/* SPDX-License-Identifier: MIT
 *
 * weir/limit/keyed.h - a bucket for each key (a client, an address, a tenant), in memory that does not grow.
 *
 * All keys have the same settings. A key that nobody has used is a full bucket (with `spent`: one that is as full as if
 * it had been made with this object) and takes no place; one whose bucket is as full as that again is forgotten, which
 * changes nothing. There are at most max_keys others. When one more comes, the one that was used least recently is
 * forgotten although it was not full, and begins anew if it comes back; or, with refuse_new, the new one is refused: so
 * a flood of new keys cannot buy the old ones a fresh start. (Full ones are looked for a few at a time: one that owes
 * nothing may hold its place for as many more calls as there are places.)
 *
 * Keys are bytes. They are not stored: they are told apart by 128 bits of SipHash-2-4 under a secret of each object, so
 * nobody can choose keys that fall together. Each use takes the same time, however many keys there are, and allocates
 * nothing. Nobody can wait: a key that should has a weir_bucket of its own.
 *
 * PAIRWISE THREAD-SAFETY (same weir_keyed)   new   free   any other function
 *   new, free                                no    no     no
 *   any other function                       no    no     yes */
#ifndef WEIR_LIMIT_KEYED_H
#define WEIR_LIMIT_KEYED_H

#include <weir/base.h>
#include <weir/limit/bucket.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_KEYED_MAX (1U << 24)

typedef struct weir_keyed weir_keyed;

struct weir_keyed_opts {
	struct weir_bucket_opts each; /* as of a bucket; `uncounted` means nothing here */
	uint32_t max_keys;            /* 0: 1024; at most WEIR_KEYED_MAX; some 56 bytes each */
	bool refuse_new;              /* a new key, when all places are in use */
};

struct weir_keyed_stats {
	uint64_t keys;             /* that have a place now */
	uint64_t allowed, refused; /* calls, since it was made */
	uint64_t forgotten;        /* keys that lost their place before their bucket was full */
	uint64_t turned_away;      /* those of the refused that found no place */
};

/* Room for all keys, in one piece. NULL opts: each key has one token, which never comes back.
 * Owner: *out is the caller's until weir_keyed_free; untouched on failure. Threads: one. Blocks: no. Fails: WEIR_EINVAL
 * (numbers out of range), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_keyed_new(weir_rt *rt, const struct weir_keyed_opts *opts, weir_keyed **out);

/* Frees it, and sets *k to NULL; NULL is allowed.
 * Owner: takes *k. Threads: see the table. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_keyed_free(weir_keyed **k);

/* Takes n tokens of the key's bucket, if they are there; n = 0 is a look.
 * Owner: 0: the caller has the tokens; key is read until it returns. Threads: any. Blocks: no. Fails: WEIR_ELIMITED,
 * WEIR_EOVERFLOW (n above the burst), WEIR_EOVERLOAD (no place for a new key). After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_keyed_allow_n(weir_keyed *k, const void *key, size_t len, uint64_t n);

/* How the key's bucket stands, as weir_bucket_state_view. It takes no place for that.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_keyed_view(weir_keyed *k, const void *key, size_t len, uint64_t n, struct weir_bucket_view *out);

/* What has happened to it, at one moment.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_keyed_stats_read(weir_keyed *k, struct weir_keyed_stats *out);

WEIR_EXTERN_C_END

#endif
