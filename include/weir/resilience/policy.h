/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/policy.h - the layers around a stage, in the order that is right for nearly all.
 *
 * Outermost first:
 *   dead letter        told once, of what all layers within could not do
 *   total timeout      over all attempts and delays
 *   retry              attempts; everything below is done anew for each
 *   breaker            sees each attempt; open, it costs neither tokens nor a place
 *   throttle           sees each attempt that the breaker lets through, and what becomes of it further down; held back,
 *                      it costs neither
 *   limiter            tokens for each attempt that is not held back
 *   bulkhead           a place for each attempt that has its tokens: waiting for tokens takes no place; or, instead of
 *                      a bulkhead, an adaptive limit, which sees how long the work takes, and the attempt's timeout
 *   attempt timeout    of the stage's own work: neither the wait for tokens nor that for a place counts
 * A layer whose field is zero is left out. Other orders are written by hand: weir_retry(weir_guard(...)). */
#ifndef WEIR_RESILIENCE_POLICY_H
#define WEIR_RESILIENCE_POLICY_H

#include <weir/resilience/adaptive.h>
#include <weir/resilience/breaker.h>
#include <weir/resilience/bulkhead.h>
#include <weir/resilience/dead_letter.h>
#include <weir/resilience/limiter.h>
#include <weir/resilience/retry.h>
#include <weir/resilience/throttle.h>
#include <weir/resilience/timeout.h>

WEIR_EXTERN_C_BEGIN

struct weir_policy_opts {
	struct weir_dead_opts dead_letter; /* there is one if it has a function */
	int64_t total_timeout_ns;
	const struct weir_retry_opts *retry; /* copied */
	weir_breaker *breaker;               /* this and the next four are borrowed */
	weir_throttle *throttle;
	struct weir_limiter_opts limiter; /* there is one if it has a bucket, or bands */
	weir_bulkhead *bulkhead;          /* this or the next */
	weir_adaptive *adaptive;
	int64_t attempt_timeout_ns;
};

/* child with the layers around it. The timeouts are named "total" and "attempt".
 * Owner: takes the child, also where it fails; the rest as those of the layers. Threads: any. Blocks: no. Fails: never
 * NULL; weir_stage_check says what that of a layer would, and WEIR_EINVAL for what could never have a meaning: no layer
 * at all, options of a dead letter or a limiter without its function or bucket, both a bulkhead and an adaptive limit,
 * an attempt that is given as long as all of them together or longer, retries for a longer time than that. After
 * cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_policy(weir_stage *child, const struct weir_policy_opts *opts);

WEIR_EXTERN_C_END

#endif
