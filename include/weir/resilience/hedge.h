/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/hedge.h - a stage that is asked again before it has answered: for work that may be done twice, where
 * most answers are quick and a few are slow. The rules are those of gRPC (its proposal A6).
 *
 * Attempts run at the same time, in the calling task and in helper tasks of the call, each with memory of its own; the
 * value is the caller's, and all of them borrow it. (A child that takes gets a copy, and is refused where there can be
 * none.) The first attempt begins at once, each further one when the delay since the last one is over.
 *   - A success ends it: the others are cancelled (cause: sibling) and waited for, and what they made is dropped.
 *   - A fatal failure ends it likewise, and is the result.
 *   - Any other failure lets the next attempt begin at once, and the delay begins anew; pushback can say later, or
 *     never.
 *   - Where the budget or `allow` says no, no further attempt begins; those that run go on.
 *   - All have failed: WEIR_EEXHAUSTED, whose value is how many there were, with each failure as a member.
 *   - The caller's context ended: its code, unless there was nothing left to begin, and all had failed. What had failed
 *     is a member.
 * Fatal is by default what weir_retry does not try again. A success that comes after the end of the caller's context is
 * a success. */
#ifndef WEIR_RESILIENCE_HEDGE_H
#define WEIR_RESILIENCE_HEDGE_H

#include <weir/limit/budget.h>
#include <weir/limit/latency.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_HEDGE_MAX 5
#define WEIR_HEDGE_DELAY WEIR_SEC(1)
#define WEIR_HEDGE_AT_ONCE (-1)

struct weir_hedge_opts {
	uint32_t max_attempts; /* the first call included; 0: 2; at most WEIR_HEDGE_MAX */
	int64_t delay_ns;      /* 0: WEIR_HEDGE_DELAY; WEIR_HEDGE_AT_ONCE: none; WEIR_FOREVER: only after a failure */
	/* A delay that is what `percent` of the calls take at most, as soon as that is known; until then delay_ns, or
	 * `delay`. Measured are the first attempts: those that succeeded, with the time they took, and those that were
	 * overtaken, with the time they had had by then, which is longer than the delay: so the percentile does not
	 * sink because hedges are quick. May be shared by stages that do the same; borrowed. */
	weir_latency *measured;
	double percent; /* above 0, up to 100; 0: 95 */
	/* Another delay that is not always the same, after `started` attempts have begun; its numbers mean what they
	 * say: 0 or less is none. */
	int64_t (*delay)(uint32_t started, void *arg);
	weir_budget *budget; /* shared with others: no hedge where it has none left; NULL: none; borrowed */
	/* Whether one more attempt may begin. Never asked for the first. */
	bool (*allow)(uint32_t started, void *arg);
	bool (*fatal)(int code, const weir_err *failure, void *arg);
	/* When the next attempt may begin after a failure that is not fatal: so many ns later; negative: never. */
	int64_t (*pushback)(int code, const weir_err *failure, void *arg);
	void *arg;        /* of all functions here: shared by all calls and attempts */
	const char *name; /* of the stage, static; NULL: "hedge" */
};

/* The stage "hedge". NULL opts: one hedge, after WEIR_HEDGE_DELAY. A call has a helper task for each attempt but one.
 * Owner: takes the child, also where it fails; arg is borrowed. Threads: any. Blocks: no. Fails: never NULL;
 * weir_stage_check says WEIR_EINVAL (more than WEIR_HEDGE_MAX attempts, a delay below WEIR_HEDGE_AT_ONCE, a percentage
 * that is none, or one without `measured`, a child that takes what cannot be copied, is NULL or part of another stage),
 * WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_hedge(weir_stage *child, const struct weir_hedge_opts *opts);

WEIR_EXTERN_C_END

#endif
