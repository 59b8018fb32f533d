/* SPDX-License-Identifier: MIT
 *
 * weir/core/stats.h - counters whose every snapshot makes sense.
 *
 * A set has n writers, each with its own cache lines, and up to WEIR_STATS_MAX counters in causal order: an event of
 * counter j happens only after the event of a counter i < j that allowed it (received, then an outcome, then emitted).
 * A writer adds with a release store; a snapshot reads the counters from the last to the first, each over all writers,
 * with acquire. So in every snapshot, at any time and under any load, a later counter never shows an event whose
 * earlier one is missing:
 *     emitted <= outcomes <= received.
 * (The scheme is that of a chain of release/acquire pairs; a snapshot takes no lock and makes no writer wait.)
 *
 * PAIRWISE THREAD-SAFETY: add and read may run at the same time in any number of tasks; two adds need different
 * writers. new, free and the registry: any task; free comes after the last add and read. */
#ifndef WEIR_CORE_STATS_H
#define WEIR_CORE_STATS_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_STATS_MAX 14

typedef struct weir_stats weir_stats;

struct weir_stats_opts {
	const char *name;            /* static or outliving the set */
	const char *const *counters; /* n_counters names in causal order, static or outliving the set */
	size_t n_counters;           /* 1..WEIR_STATS_MAX */
	size_t n_writers;            /* 1 or more */
};

/* A set, entered in the runtime's registry.
 * Owner: *out is the caller's. Threads: any. Blocks: no. Fails: WEIR_ENOMEM, WEIR_EINVAL; *out untouched. After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_stats_new(weir_rt *rt, const struct weir_stats_opts *opts, weir_stats **out);

/* Adds n to a counter of one writer (both indices from 0, asserted).
 * Owner: none. Threads: one per writer. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_stats_add(weir_stats *stats, size_t writer, size_t counter, uint64_t n);

/* Sums of all writers into out[0..n_counters), with the promise above.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_stats_read(const weir_stats *stats, uint64_t *out);

/* Takes the set out of the registry and frees it; *stats becomes NULL. NULL and a pointer to NULL are allowed.
 * Owner: takes *stats. Threads: after the last use. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_stats_free(weir_stats **stats);

struct weir_stats_view {
	const char *name;
	const char *const *counters;
	size_t n_counters;
	uint64_t values[WEIR_STATS_MAX];
};

/* The index-th set of the runtime, oldest first, as it is now: how an exporter enumerates. 0 past the end, 1 with *out
 * filled. The names are valid while the set is.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API int weir_stats_at(weir_rt *rt, size_t index, struct weir_stats_view *out);

WEIR_EXTERN_C_END

#endif
