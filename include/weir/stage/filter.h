/* SPDX-License-Identifier: MIT
 *
 * weir/stage/filter.h - let some values through, and not the others.
 *
 * A FILTER asks its predicate about each value. Kept: the value moves from in to out as it is (a filter TAKES,
 * stage/stage.h). Dropped: WEIR_EFILTERED, and in stays the caller's, who can look at it, count it or drop it. A
 * predicate that fails is the filter's failure, and in stays the caller's too. The context is the predicate's to ask.
 *
 * WEIR_EFILTERED is an answer and not a fault: what treats failures (stage/service.h, resilience) leaves it alone
 * unless it is told otherwise. */
#ifndef WEIR_STAGE_FILTER_H
#define WEIR_STAGE_FILTER_H

#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

/* Above 0: kept; 0: dropped; negative: a failure. Several tasks may be in it at the same time. */
typedef int weir_predicate_fn(weir_ctx *ctx, const void *in, weir_err *err, void *arg);

/* The stage "filter" for values of the type. keep NULL: all are kept.
 * Owner: the caller, see stage.h; arg is borrowed. Threads: any. Blocks: no. Fails: never NULL; weir_stage_check says
 * WEIR_EINVAL (a bad type, no runtime), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_filter(weir_rt *rt, const weir_type *type, weir_predicate_fn *keep,
						 void *arg);

WEIR_EXTERN_C_END

#endif
