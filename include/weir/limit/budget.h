/* SPDX-License-Identifier: MIT
 *
 * weir/limit/budget.h - a budget of retries that many callers share, so that a failing service is not given the rest by
 * those who try again.
 *
 * Two kinds, with one way of use: weir_budget_call for each call (its first attempt), weir_budget_result for how each
 * attempt ended, weir_budget_retry before each retry.
 *   SHARE   (Finagle) each call earns `share` of a retry, which is good for ttl_ns; beside them there are min_per_s
 *           retries in a second, also good for that long. A retry takes one. The window moves in tenths of ttl_ns.
 *   TOKENS  (gRPC, proposal A6) a count of tokens, full at first. A failed attempt costs one, one that succeeded earns
 *           `ratio` of one. There are retries while it is above half.
 *
 * Retries and hedges that are within each other and have the same budget tell it of each call once, and of each result
 * where it is first seen: what an inner one came to by itself is not told again by the outer one.
 *
 * Two faces: weir_budget_state is pure; weir_budget is shared, on the clock of a runtime, a short lock around it.
 *
 * PAIRWISE THREAD-SAFETY (same weir_budget)   init   fini   any other function
 *   init, fini                                no     no     no
 *   any other function                        no     no     yes */
#ifndef WEIR_LIMIT_BUDGET_H
#define WEIR_LIMIT_BUDGET_H

#include <weir/base.h>

WEIR_EXTERN_C_BEGIN

enum weir_budget_kind { WEIR_BUDGET_SHARE, WEIR_BUDGET_TOKENS };

struct weir_budget_opts {
	enum weir_budget_kind kind;
	double share;     /* SHARE: 0 to 1000; 0: 0.2, unless there is a min_per_s */
	double min_per_s; /* SHARE: 0: 10, unless there is a share; both 0: both defaults */
	int64_t ttl_ns;   /* SHARE: 0: 10 s; 1 s to 60 s */
	uint32_t tokens;  /* TOKENS: up to 1000; 0: 100 */
	double ratio;     /* TOKENS: above 0, three decimals count; 0: 0.1 */
};

/* clang-format off */
typedef struct weir_budget_state { uint64_t opaque_[24]; } weir_budget_state;
typedef struct weir_budget { uint64_t opaque_[36]; } weir_budget;
/* clang-format on */

/* A budget as it begins; NULL opts: all defaults.
 * Owner: st is plain memory. Threads: one. Blocks: no. Fails: WEIR_EINVAL (numbers out of range). After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_budget_state_init(weir_budget_state *st, const struct weir_budget_opts *opts,
						    int64_t now);

/* A call is made; an attempt has ended with rc (negative: it failed; leave out what says nothing about the service,
 * such as the caller's own cancel).
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_budget_state_call(weir_budget_state *st, int64_t now);
WEIR_API void weir_budget_state_result(weir_budget_state *st, int64_t now, int rc);

/* Whether there may be a retry; takes it from the budget.
 * Owner: none. Threads: one. Blocks: no. Fails: WEIR_ELIMITED. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_budget_state_retry(weir_budget_state *st, int64_t now);

/* What is left: retries (SHARE), tokens (TOKENS).
 * Owner: none. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API double weir_budget_state_left(const weir_budget_state *st, int64_t now);

/* The shared budget.
 * Owner: b is the caller's memory until its fini; it must not move. Threads: one. Blocks: no. Fails: WEIR_EINVAL, and
 * nothing has been made. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_budget_init(weir_budget *b, weir_rt *rt, const struct weir_budget_opts *opts);

/* Finishes and zeroes it; NULL and zeroed memory are allowed.
 * Owner: plain memory again. Threads: see the table. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_budget_fini(weir_budget *b);

/* As those of the state.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_budget_call(weir_budget *b);
WEIR_API void weir_budget_result(weir_budget *b, int rc);
WEIR_API double weir_budget_left(weir_budget *b);

/* As weir_budget_state_retry.
 * Owner: none. Threads: any. Blocks: no. Fails: WEIR_ELIMITED. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_budget_retry(weir_budget *b);

WEIR_EXTERN_C_END

#endif
