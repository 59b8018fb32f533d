/* SPDX-License-Identifier: MIT
 *
 * weir/stage/recycler.h - blocks of memory kept for reuse.
 *
 * A RECYCLER keeps blocks that were given back, up to a hard limit, and gives them out again. Its blocks have one size,
 * or `classes` sizes, each twice the one before: a request is served from the smallest that is large enough. A request
 * beyond the largest is served too, by an allocation of its own, and its block is freed when it is given back. So is a
 * block for which there is no room. Nothing ever waits for a block.
 *
 * A CACHE is what one task uses it through: up to two magazines of blocks for each class, from which a block is taken
 * and to which it is given without a lock. Full and empty magazines are exchanged at the recycler's depot, one lock for
 * a whole magazine. A block may be given back through any cache of its recycler. Magazines are made with the recycler,
 * and hold `keep` blocks of a class together: this is the limit. A magazine that is in a cache is not another's, so
 * with several caches less than the limit may be kept. (Bonwick and Adams, "Magazines and Vmem", USENIX 2001. Theirs
 * are of a processor; these of a task's handle: no thread-local state.)
 *
 * A block is as it was given back: where `make` is set it is called for a block that is new only, and `unmake` before
 * one is freed. Without make, the simulator fills what is given back with a pattern.
 *
 * A block that is given back twice, or to another recycler, is misuse and is left alone. A block that was freed in
 * between can be recognised in the simulator only, which remembers what is out.
 *
 * PAIRWISE THREAD-SAFETY   cache_new, cache_free   get, put, warm: same cache   other cache   stats   free
 *   cache_new, cache_free  yes (other cache)       no                           yes           yes     no
 *   get, put, warm         yes (other cache)       no                           yes           yes     no
 *   stats                  yes                     yes                          yes           yes     no */
#ifndef WEIR_STAGE_RECYCLER_H
#define WEIR_STAGE_RECYCLER_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

typedef struct weir_recycler weir_recycler;
typedef struct weir_recycler_cache weir_recycler_cache;

#define WEIR_RECYCLER_KEEP 1024
#define WEIR_RECYCLER_MAGAZINE 16
#define WEIR_RECYCLER_CACHES 16
#define WEIR_RECYCLER_CLASSES_MAX 48

struct weir_recycler_opts {
	const char *name; /* static, or outliving it, for the registry of counters; NULL: "recycler" */
	size_t bytes;     /* of a block of the first class; at least 1 */
	size_t classes;   /* 0: 1 */
	size_t keep;      /* blocks of a class; 0: WEIR_RECYCLER_KEEP */
	size_t magazine;  /* blocks in one; 0: WEIR_RECYCLER_MAGAZINE; more than keep: keep */
	size_t caches;    /* at most so many at one time; 0: WEIR_RECYCLER_CACHES */
	int (*make)(void *block, size_t bytes, void *arg); /* a negative code: get fails with it */
	void (*unmake)(void *block, size_t bytes,
		       void *arg); /* both get the bytes of the block, and run without lock */
	void *arg;                 /* borrowed */
};

/* opts is needed: there is no size by default.
 * Owner: *out is the caller's. Threads: any. Blocks: no. Fails: WEIR_EINVAL (NULL, no bytes, too many classes),
 * WEIR_EOVERFLOW (a class too large), WEIR_ENOMEM; *out is untouched. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_recycler_new(weir_rt *rt, const struct weir_recycler_opts *opts, weir_recycler **out);

/* Frees it and what it keeps, and sets *r to NULL. NULL and a pointer to NULL are allowed.
 * Owner: takes *r. Threads: one. Blocks: no. Fails: misuse (and nothing is freed) while it has caches, or blocks of it
 * are out. After cancel: unchanged. */
WEIR_API void weir_recycler_free(weir_recycler **r);

/* A cache for one task.
 * Owner: *out is the caller's; it borrows r. Threads: any. Blocks: no. Fails: WEIR_EINVAL, WEIR_EAGAIN (as many as
 * there may be), WEIR_ENOMEM; *out is untouched. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_recycler_cache_new(weir_recycler *r, weir_recycler_cache **out);

/* Gives its magazines to the depot, and sets *c to NULL. NULL and a pointer to NULL are allowed.
 * Owner: takes *c; blocks that are out stay out. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_recycler_cache_free(weir_recycler_cache **c);

/* A block of at least `bytes` (0: of the first class), aligned for any object.
 * Owner: *out is the caller's until weir_recycler_put. Threads: one per cache. Blocks: no. Fails: WEIR_ENOMEM,
 * WEIR_EOVERFLOW, the code of make; *out is untouched. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_recycler_get(weir_recycler_cache *c, size_t bytes, void **out);

/* How many bytes there are in a block that is out: those of its class, or what was asked for beyond the largest.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API size_t weir_recycler_room(const void *block);

/* Gives a block back: it is kept, or freed where there is no room. NULL is allowed.
 * Owner: takes the block. Threads: one per cache. Blocks: no. Fails: misuse, see above. After cancel: unchanged. */
WEIR_API void weir_recycler_put(weir_recycler_cache *c, void *block);

/* Allocates n blocks for `bytes` that are kept: for this cache, and through the depot for others.
 * Owner: the recycler's. Threads: one per cache. Blocks: no. Fails: WEIR_EINVAL (beyond the largest class),
 * WEIR_EOVERFLOW (no room for all of them), WEIR_ENOMEM, the code of make; what was made by then stays. After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_recycler_warm(weir_recycler_cache *c, size_t bytes, size_t n);

/* gets = hits + misses; of the puts `freed` found no room. At any moment hits and misses are of gets that are counted,
 * and freed of puts that are. kept and out are exact when no cache is in use, else near it. */
struct weir_recycler_report {
	uint64_t gets, hits, misses, warmed, puts, freed;
	uint64_t kept, out;
};

/* Takes the account, as it is now; also found by weir_stats_at under the recycler's name.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_recycler_stats(const weir_recycler *r, struct weir_recycler_report *out);

WEIR_EXTERN_C_END

#endif
