/* SPDX-License-Identifier: MIT
 *
 * weir/limit/latency.h - how long calls have taken lately, and which share of them took no longer than what.
 *
 * Times are counted in classes, eight for each doubling from 1 us to 18 minutes (shorter and longer ones in the first
 * and the last), so a percentile is at most an eighth too long and never too short. What is remembered is the last
 * window_ns, and up to as much before it.
 *
 * Two faces: weir_latency_state is pure; weir_latency is shared, on the clock of a runtime, a short lock around it.
 *
 * PAIRWISE THREAD-SAFETY (same weir_latency)   init   fini   any other function
 *   init, fini                                 no     no     no
 *   any other function                         no     no     yes */
#ifndef WEIR_LIMIT_LATENCY_H
#define WEIR_LIMIT_LATENCY_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

struct weir_latency_opts {
	int64_t window_ns;    /* 0: one minute */
	uint32_t min_samples; /* with fewer nothing is known; 0: 50 */
};

/* clang-format off */
typedef struct weir_latency_state { uint64_t opaque_[320]; } weir_latency_state;
typedef struct weir_latency { uint64_t opaque_[352]; } weir_latency;
/* clang-format on */

/* Nothing measured yet; NULL opts: all defaults.
 * Owner: st is plain memory. Threads: one. Blocks: no. Fails: WEIR_EINVAL (a negative window). After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_latency_state_init(weir_latency_state *st, const struct weir_latency_opts *opts,
						     int64_t now);

/* A call has taken ns.
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_latency_state_add(weir_latency_state *st, int64_t now, int64_t ns);

/* The time that `percent` of the calls (above 0, up to 100) took at most; negative: there are too few to say.
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API int64_t weir_latency_state_percentile(const weir_latency_state *st, int64_t now, double percent);

/* The same, on the clock of rt.
 * Owner: l is the caller's memory until its fini; it must not move. Threads: one. Blocks: no. Fails: WEIR_EINVAL, and
 * nothing has been made. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_latency_init(weir_latency *l, weir_rt *rt, const struct weir_latency_opts *opts);

/* Finishes and zeroes it; NULL and zeroed memory are allowed.
 * Owner: plain memory again. Threads: see the table. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_latency_fini(weir_latency *l);

/* As those of the state.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_latency_add(weir_latency *l, int64_t ns);
WEIR_API int64_t weir_latency_percentile(weir_latency *l, double percent);

WEIR_EXTERN_C_END

#endif
