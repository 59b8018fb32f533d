/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/fallback.h - a stage that has another answer where its child has none.
 *
 * The answer is a copy of a value, or what a function makes. The function runs under a shield with a grace time, so
 * that it can do something although the caller's context is about to end. By default every failure has the other answer
 * but WEIR_ECANCELED, WEIR_EDEADLINE (nobody is waiting for one) and WEIR_EFILTERED (which is an answer); `when`
 * decides otherwise. If there is no other answer either, the failure is the child's, and that of the fallback a member
 * of it. */
#ifndef WEIR_RESILIENCE_FALLBACK_H
#define WEIR_RESILIENCE_FALLBACK_H

#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_FALLBACK_GRACE WEIR_SEC(1)

struct weir_fallback_opts {
	const void *value;   /* one of these two; the value is copied when the stage is made */
	weir_handler_fn *fn; /* as of a stage: in is borrowed, out is made on 0 */
	bool (*when)(int code, const weir_err *failure, void *arg);
	void *arg;        /* of both functions: shared by all calls */
	int64_t grace_ns; /* of the function; 0: WEIR_FALLBACK_GRACE */
	const char *name; /* of the stage, static; NULL: "fallback" */
};

/* The stage "fallback". A child that takes what it cannot lose (a type with a drop) is refused: the value would have
 * two owners.
 * Owner: takes the child, also where it fails; the value stays the caller's. Threads: any. Blocks: no. Fails: never
 * NULL; weir_stage_check says WEIR_EINVAL (neither or both of value and function, a value whose type has a drop but no
 * copy, a child that takes, is NULL or part of another stage, a grace time that is negative or WEIR_FOREVER),
 * WEIR_ENOMEM, what the copy of the value says. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_fallback(weir_stage *child, const struct weir_fallback_opts *opts);

WEIR_EXTERN_C_END

#endif
