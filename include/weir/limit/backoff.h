/* SPDX-License-Identifier: MIT
 *
 * weir/limit/backoff.h - how long to wait before the next attempt.
 *
 * A pure function of the number of the retry, the wait before it and a random number; no state. Everything saturates:
 * the thousandth retry waits as long as the cap says, or WEIR_FOREVER without one.
 *
 *   t = base (CONSTANT), base * (n + 1) (LINEAR), base * factor^n (EXPONENTIAL), n = 0 for the first retry; at most max
 *   NONE: t   FULL: 0 to t   EQUAL: t/2 to t   RATIO: t * (1 - ratio) to t * (1 + ratio)   SPAN: t - span to t + span
 *   DECORRELATED: base to factor * the wait before (3 unless told), whatever the growth; at most max
 * RATIO and SPAN are around t and may be above max, as in gRPC, unless max_is_hard. FULL does least work in all,
 * DECORRELATED nearly so; NONE makes those that failed together come back together. */
#ifndef WEIR_LIMIT_BACKOFF_H
#define WEIR_LIMIT_BACKOFF_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

enum weir_backoff_growth { WEIR_BACKOFF_EXPONENTIAL, WEIR_BACKOFF_LINEAR, WEIR_BACKOFF_CONSTANT };

enum weir_backoff_jitter {
	WEIR_JITTER_FULL,
	WEIR_JITTER_NONE,
	WEIR_JITTER_EQUAL,
	WEIR_JITTER_RATIO,
	WEIR_JITTER_SPAN,
	WEIR_JITTER_DECORRELATED
};

struct weir_backoff_opts {
	enum weir_backoff_growth growth;
	enum weir_backoff_jitter jitter;
	int64_t base_ns;  /* 0: no wait at all */
	int64_t max_ns;   /* 0: none but WEIR_FOREVER */
	double factor;    /* at least 1; 0: 2 (DECORRELATED: 3) */
	double ratio;     /* RATIO: 0 to 1; 0: 0.2 */
	int64_t span_ns;  /* SPAN */
	bool max_is_hard; /* RATIO and SPAN end at max too */
};

/* 0, or WEIR_EINVAL for numbers out of range. NULL is allowed: no wait.
 * Owner: none. Threads: any. Blocks: no. Fails: WEIR_EINVAL. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_backoff_check(const struct weir_backoff_opts *opts);

/* The wait before retry n (0: the first), in [0, WEIR_FOREVER]. last_ns is the wait before the retry before this one
 * (0: there was none); random is 64 random bits (weir_rt_random(rt, 0)).
 * Owner: none. Threads: any. Blocks: no. Fails: no; numbers out of range are taken for the nearest that are not. After
 * cancel: unchanged. */
WEIR_API int64_t weir_backoff_ns(const struct weir_backoff_opts *opts, uint64_t n, int64_t last_ns, uint64_t random);

WEIR_EXTERN_C_END

#endif
