/* SPDX-License-Identifier: MIT
 *
 * weir/limit/throttle.h - a client that holds back by itself when the service refuses ("Handling Overload", Site
 * Reliability Engineering).
 *
 * Over the last two minutes there were so many requests (those that were held back too), and so many were accepted. The
 * next one is held back with the chance (requests - k * accepts) / (requests + 1), at most `most`: so a service that
 * accepts one in k is asked for little more than it takes, and some always get through to find out that it is well
 * again. Pure: no lock, no clock; now and random come in; one task at a time. What tasks share is
 * resilience/throttle.h. */
#ifndef WEIR_LIMIT_THROTTLE_H
#define WEIR_LIMIT_THROTTLE_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

struct weir_throttle_opts {
	double k;              /* at least 1; 0: 2 */
	double most;           /* above 0, up to 1; 0: 0.9 */
	int64_t window_ns;     /* at least 10 ns; 0: two minutes. It moves in tenths */
	uint32_t min_requests; /* with fewer, nothing is held back */
};

/* clang-format off */
typedef struct weir_throttle_state { uint64_t opaque_[24]; } weir_throttle_state;
/* clang-format on */

/* Nothing asked yet; NULL opts: all defaults.
 * Owner: st is plain memory. Threads: one. Blocks: no. Fails: WEIR_EINVAL (numbers out of range). After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_throttle_state_init(weir_throttle_state *st, const struct weir_throttle_opts *opts,
						      int64_t now);

/* Counts a request, and says whether to make it; random is 64 random bits.
 * Owner: none. Threads: one. Blocks: no. Fails: WEIR_EOVERLOAD (do not make it). After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_throttle_state_ask(weir_throttle_state *st, int64_t now, uint64_t random);

/* A request was accepted (not refused for overload; whether it went well otherwise does not matter).
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_throttle_state_accepted(weir_throttle_state *st, int64_t now);

/* The chance, from 0 to 1, that the next one is held back.
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API double weir_throttle_state_chance(const weir_throttle_state *st, int64_t now);

WEIR_EXTERN_C_END

#endif
