/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/limiter.h - a stage that runs no more often than a bucket allows (limit/bucket.h), or several limits
 * in one (limit/bands.h).
 *
 * A value takes its tokens and goes on; where there are none it waits in the bucket's line, at most max_wait_ns, and no
 * longer than the caller's context lives. Who would wait in vain, as things stand, is refused at once: WEIR_ELIMITED,
 * whose value is how long it would take. The child is given the caller's context: the time that is left of the wait is
 * no limit of its own. */
#ifndef WEIR_RESILIENCE_LIMITER_H
#define WEIR_RESILIENCE_LIMITER_H

#include <weir/limit/bands.h>
#include <weir/limit/bucket.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_LIMITER_WAIT WEIR_SEC(1)
#define WEIR_LIMITER_NO_WAIT (-1)

struct weir_limiter_opts {
	weir_bucket *bucket; /* borrowed: its rate and burst may change at any time; this or */
	weir_bands *bands;   /* this, likewise borrowed */
	uint64_t tokens;     /* that a value takes; 0: 1 */
	int64_t max_wait_ns; /* 0: WEIR_LIMITER_WAIT; WEIR_LIMITER_NO_WAIT; WEIR_FOREVER: as long as the caller can */
	const char *name;    /* of the stage, static; NULL: "limiter" */
};

/* The stage "limiter": one token, WEIR_LIMITER_WAIT; or as the options say.
 * Owner: takes the child, also where it fails; the bucket (it is not checked that there has been an init) or the bands
 * must outlive the stage. Threads: any. Blocks: no. Fails: never NULL; weir_stage_check says WEIR_EINVAL (neither or
 * both of bucket and bands, a wait below WEIR_LIMITER_NO_WAIT, a child that is NULL or part of another stage),
 * WEIR_ENOMEM. Calls fail with WEIR_ELIMITED, WEIR_EOVERFLOW (more tokens than the burst), the code of their context
 * (and take no tokens), and as the child. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_limit_stage(weir_stage *child, weir_bucket *bucket);
WEIR_API WEIR_MUST_CHECK weir_stage *weir_limit_stage_with(weir_stage *child, const struct weir_limiter_opts *opts);

WEIR_EXTERN_C_END

#endif
