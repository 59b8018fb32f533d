/* SPDX-License-Identifier: MIT
 *
 * weir/stage/fan_out.h - one value given to several stages at once, and what they make put together.
 *
 * A FAN-OUT gives its value to all of its stages, which make values of one type, and makes an array of these in the
 * order of the stages. The value stays the caller's: each stage borrows it at the same time as the others. A stage that
 * takes (stage.h) is given a copy of its own, and is refused where the type has a drop but no copy. The first failure,
 * in time, is the fan-out's: it cancels the others (cause: sibling), which are waited for, and what they made is
 * dropped. err has its code, the name and index of the stage ("fetch[3]"), and as members the other failures; that a
 * stage was cancelled because of it is none. A context that ended before all were done is its own code; if all were
 * done, the end comes too late, and it is a success.
 *
 * HELPERS are woken where it pays: after many values in a row that took a few microseconds each, the calling task
 * begins with the stages by itself, and calls the helpers when that has lasted longer, which is looked at between two
 * stages, or one of the stages waits in a function of weir, or yields (weir_rt_yield). So stages may wait for one
 * another by weir's means only (and not even by these, where the scope of the helpers may end before); who looks again
 * and again, at a context or an atomic, yields in between. The same holds for map and router.
 *
 * A FAN-IN makes one value of an array. Any stage that takes arrays will do; weir_fan_in makes one of a function, which
 * is not called when the context has ended, and is called for an empty array too.
 *
 * The array is the only memory that is allocated, and that is used again (array.h). */
#ifndef WEIR_STAGE_FAN_OUT_H
#define WEIR_STAGE_FAN_OUT_H

#include <weir/stage/array.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

/* At most `concurrency` at a time (0, or more than n: all; 1, and a single stage: in the calling task, in order, and
 * those behind a failure are not called). A call has one helper task less than that.
 * Owner: takes the children, also where it fails; the array stays the caller's. Threads: any. Blocks: no. Fails: never
 * NULL; weir_stage_check says WEIR_EINVAL (no children, a NULL, one that is part of another stage, one that takes what
 * cannot be copied, more than 65536 at a time), WEIR_ETYPE (they do not take, or make, the same), WEIR_ENOMEM. After
 * cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_fan_out(weir_stage *const *children, size_t n, size_t concurrency);

typedef int weir_fan_in_fn(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg);

/* The stage "fan_in", from arrays of `of` to out, by fn.
 * Owner: the caller, see stage.h; arg is borrowed. Threads: any. Blocks: no. Fails: never NULL; weir_stage_check says
 * WEIR_EINVAL (no function, a bad type), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_fan_in(weir_rt *rt, const weir_type *of, const weir_type *out,
						 weir_fan_in_fn *fn, void *arg);

/* A fan-out, and then fan_in: a stage that takes arrays of what the children make.
 * Owner: takes the children and fan_in. Threads: any. Blocks: no. Fails: as weir_fan_out and weir_then. After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_parallel(weir_stage *const *children, size_t n, size_t concurrency,
						   weir_stage *fan_in);

WEIR_EXTERN_C_END

#endif
