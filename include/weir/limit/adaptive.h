/* SPDX-License-Identifier: MIT
 *
 * weir/limit/adaptive.h - how many calls may be under way at once, found out from how long they take.
 *
 * Three rules, each fed with samples (how long a call took, how many were under way when it began, whether it was
 * dropped); after Netflix concurrency-limits.
 *   VEGAS      the queue is limit * (1 - fastest / rtt). Below 1 log: + 6 log. Below 3 log: + log. Above 6 log: -
 *              log. (log: decimal logarithm of the limit, at least 1.) The fastest is measured anew every 15 to 30
 *              times limit samples.
 *   GRADIENT2  new = old * g + queue, g = tolerance * long average / rtt between 0.5 and 1; smoothed. The long
 *              average is over 600 samples, the first 10 of them plain; it falls by 5 % when it is over twice the rtt.
 *   AIMD       dropped or slower than timeout_ns: * ratio; else + 1.
 * None of them grows while less than half of the limit is in use. A dropped call is a drop, and never a fast sample.
 *
 * Samples are gathered: each window_ns, if there were at least min_samples, one sample is made of them (the mean time,
 * the most under way, dropped if one was); else they are forgotten. Pure: no lock, no clock; one task at a time.
 * What tasks share is resilience/adaptive.h. */
#ifndef WEIR_LIMIT_ADAPTIVE_H
#define WEIR_LIMIT_ADAPTIVE_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

enum weir_adaptive_rule { WEIR_ADAPTIVE_VEGAS, WEIR_ADAPTIVE_GRADIENT2, WEIR_ADAPTIVE_AIMD };

struct weir_adaptive_opts {
	enum weir_adaptive_rule rule;
	uint32_t initial;     /* 0: 20; from min to max: with a max below 20 set initial and min too */
	uint32_t min;         /* 0: 1 (VEGAS), 20 (GRADIENT2, AIMD) */
	uint32_t max;         /* 0: 1000 (VEGAS), 200 */
	double smoothing;     /* above 0, up to 1; 0: 1 (VEGAS), 0.2 (GRADIENT2) */
	double tolerance;     /* GRADIENT2: at least 1; 0: 1.5 */
	double queue;         /* GRADIENT2; 0: 4 */
	double ratio;         /* AIMD, and VEGAS instead of - log: 0.5 up to below 1; 0: 0.9 (AIMD) */
	int64_t timeout_ns;   /* AIMD; 0: 5 s */
	int64_t window_ns;    /* 0: 1 s */
	uint32_t min_samples; /* 0: 10 */
	bool each_sample;     /* nothing is gathered */
	bool no_probe;        /* VEGAS: the fastest is never measured anew */
};

/* clang-format off */
typedef struct weir_adaptive_state { uint64_t opaque_[32]; } weir_adaptive_state;
/* clang-format on */

/* A limit as it begins; NULL opts: all defaults.
 * Owner: st is plain memory. Threads: one. Blocks: no. Fails: WEIR_EINVAL (numbers out of range). After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_adaptive_state_init(weir_adaptive_state *st, const struct weir_adaptive_opts *opts,
						      int64_t now);

/* A call has ended; random is 64 random bits (for when the fastest is measured anew). Returns the limit.
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API uint32_t weir_adaptive_state_sample(weir_adaptive_state *st, int64_t now, int64_t rtt_ns, uint32_t under_way,
					     bool dropped, uint64_t random);

/* How many may be under way.
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API uint32_t weir_adaptive_state_limit(const weir_adaptive_state *st);

WEIR_EXTERN_C_END

#endif
