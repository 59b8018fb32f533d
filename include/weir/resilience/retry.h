/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/retry.h - a stage that is tried again.
 *
 * ATTEMPTS count the first call: max_attempts = 3 is one call and two more. The child is given the same value each
 * time, which stays the caller's. Its names in a failure carry the attempt ("fetch attempt 3").
 *
 * WHAT IS TRIED AGAIN: every failure, but those that another attempt does not mend: WEIR_ECANCELED, WEIR_EDEADLINE,
 * WEIR_EOPEN, WEIR_EFILTERED, WEIR_ELIMITED and WEIR_EOVERLOAD. retry_if decides otherwise; nothing is tried again once
 * the caller's context has ended. reject makes a failure of a value that was made: it is dropped (one that has only
 * moved through a stage that takes is the caller's again).
 *
 * WHAT IT FAILS WITH
 *   - not to be tried again: the failure as it is;
 *   - tried often enough, out of time, out of budget, or told to stop (delay): WEIR_EEXHAUSTED, whose value is how many
 *     attempts were made, and beneath it the failure of the last;
 *   - the caller's context ended between two attempts: its code, and beneath it the failure of the last;
 *   - ... within an attempt: what the attempt says, and the failure before it as a member.
 * A value of which only a part was made (WEIR_EPARTIAL) is dropped where another attempt follows or none is left, and
 * is WEIR_EINCOMPLETE then.
 *
 * THE DELAY before attempt n + 1 is that of the backoff; where the failure says how long (the value of WEIR_EOPEN,
 * WEIR_ELIMITED or WEIR_EOVERLOAD, if they are tried again), at least that; then the hook `delay` may say otherwise;
 * then it is cut to the time that is left of total_ns. WEIR_FOREVER means never: no attempt follows. A cancel ends it
 * at once. No attempt begins after total_ns, and none is ended by it: weir_timeout does that. */
#ifndef WEIR_RESILIENCE_RETRY_H
#define WEIR_RESILIENCE_RETRY_H

#include <weir/limit/backoff.h>
#include <weir/limit/budget.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_RETRY_ENDLESS UINT32_MAX

struct weir_retry_opts {
	uint32_t max_attempts; /* the first call included; 0: 3 (not: none); WEIR_RETRY_ENDLESS */
	/* The delays, with jitter that is the runtime's (repeatable in the simulator). All zero: none. With a base
	 * alone, the one before attempt n + 2 is between 0 and base * 2^n: full jitter. */
	struct weir_backoff_opts backoff;
	int64_t base_ns;     /* the same as backoff.base_ns: one of the two */
	int64_t total_ns;    /* from the first call on; 0: no limit */
	weir_budget *budget; /* shared with others: no retry where it has none left; NULL: none; borrowed */
	/* Whether a failure is to be tried again; NULL: see above. */
	bool (*retry_if)(int code, const weir_err *failure, void *arg);
	/* 0: the value is good. Negative: it is none, and this is its failure (err may say more). NULL: all are
	 * good. */
	int (*reject)(const void *out, weir_err *err, void *arg);
	/* The delay after `attempt` failed, of which delay_ns is what it would be; negative: stop. */
	int64_t (*delay)(uint32_t attempt, const weir_err *failure, int64_t delay_ns, void *arg);
	/* Told before each delay, when it is certain that another attempt shall follow. */
	void (*on_retry)(uint32_t attempt, const weir_err *failure, int64_t delay_ns, void *arg);
	void *arg;        /* of all functions here: shared by all calls */
	const char *name; /* of the stage, static; NULL: "retry" */
};

/* The stage "retry". NULL opts: three attempts without a delay.
 * Owner: takes the child, also where it fails; opts->arg is borrowed. Threads: any. Blocks: no. Fails: never NULL;
 * weir_stage_check says WEIR_EINVAL (a negative time, a backoff that makes no sense, two bases, a child that is NULL or
 * part of another stage), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_retry(weir_stage *child, const struct weir_retry_opts *opts);

WEIR_EXTERN_C_END

#endif
