/* SPDX-License-Identifier: MIT
 *
 * weir/stage/on_error.h - a function that is asked what becomes of a failure: around any stage of a tree.
 *
 * It is asked about each failure of the child, WEIR_EFILTERED excepted, which is an answer. err is never NULL, and has
 * the code. It returns 0: it has made a value, in out, and that is the result; or a code: err->code, as it was, or
 * another, with its detail in err (weir_fail forgets what was there, weir_err_wrap keeps it). A positive one is a
 * failure of its own (WEIR_EINVAL). There is no way to make a success of a failure without a value.
 * Where the child takes (stage.h), 0 means that the value passes all the same: it is moved for the function. With
 * WEIR_EPARTIAL out holds what was done, which is kept on 0 and WEIR_EPARTIAL, and dropped on any other code.
 *
 * ctx is a shield of the caller's context with a grace time, so that a value can be fetched from elsewhere when that
 * has ended: its end is a failure like any other here. A service (service.h) has such a function for a whole tree;
 * where a value is all that is wanted, and not a look at the failure, weir_fallback (resilience/fallback.h) is less to
 * write. */
#ifndef WEIR_STAGE_ON_ERROR_H
#define WEIR_STAGE_ON_ERROR_H

#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

#define WEIR_ON_ERROR_GRACE WEIR_SEC(5)

/* Several tasks may be in it at the same time. */
typedef int weir_on_error_fn(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg);

struct weir_on_error_opts {
	weir_on_error_fn *fn;
	void *arg;        /* borrowed */
	int64_t grace_ns; /* of the shield; 0: WEIR_ON_ERROR_GRACE */
};

/* The stage "on_error", which takes and makes what the child does, and takes (stage.h) if that does.
 * Owner: takes the child, also where it fails. Threads: any. Blocks: no. Fails: never NULL; weir_stage_check says
 * WEIR_EINVAL (no child, one that is part of another stage, no function, a grace time that is negative or
 * WEIR_FOREVER), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_on_error(weir_stage *child, const struct weir_on_error_opts *opts);

WEIR_EXTERN_C_END

#endif
