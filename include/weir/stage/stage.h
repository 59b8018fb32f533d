/* SPDX-License-Identifier: MIT
 *
 * weir/stage/stage.h - one thing that is done to a value, as a value: it can be wrapped, chained, and called.
 *
 * A STAGE takes a value of one type and makes one of another. It is built once, from functions and from other stages,
 * and is immutable from then on; a constructor takes its children, and never returns NULL: what went wrong first is
 * remembered, passed on upwards, and told by weir_stage_check. So a tree is written as one expression and checked once.
 *
 * A CALL is what one task needs to run a stage: all the memory of the whole tree, and the helper tasks of those stages
 * that do several things at once. Everything is there when weir_call_new returns: weir_call_process allocates nothing
 * (but for arrays, whose memory is used again: stage/array.h) and spawns nothing, and when it returns every helper is
 * parked again. A stage may have any number of calls; a call is used by one task at a time (weir_call_process).
 *
 * in is borrowed: the caller owns it after the call, on success and on failure. out is raw memory: on 0 it holds a live
 * value that is the caller's, on a negative code nothing. The exception is WEIR_EPARTIAL: it fails, and out holds what
 * was done; a stage around it that cannot pass that on drops it, and says WEIR_EINCOMPLETE. A late success is a
 * success; a context that ended is never reported as a success without a value. A stage that TAKES passes its value
 * through (a filter): its types are equal, and on 0 the value has moved, as it is, from in to out, so that in holds
 * nothing; on failure in is as it was. What is built around it takes too, as far as it only passes values on.
 * weir_stage_takes says whether.
 *
 * LIFECYCLE: setup, close, reset and health are forwarded to every stage of the tree: setup in the order of
 * construction (children first, in order), close in the reverse order. Nothing here remembers what was set up: a
 * service does (stage/service.h).
 *
 * A failure is told with the names of the stages it passed through, innermost first (weir_err_frame).
 *
 * PAIRWISE THREAD-SAFETY   new call   process, same call   process, other call   lifecycle   free
 *   new call               yes        yes                  yes                   yes         no
 *   process                yes        no                   yes                   (*)         no
 *   lifecycle              yes        (*)                  (*)                   no          no
 *   (*) as the functions of the stage allow it */
#ifndef WEIR_STAGE_STAGE_H
#define WEIR_STAGE_STAGE_H

#include <weir/base.h>
#include <weir/core/chan.h>
#include <weir/core/err.h>
#include <weir/core/pipeline.h>
#include <weir/core/scope.h>

WEIR_EXTERN_C_BEGIN

typedef struct weir_call weir_call;

/* As a handler (core/pipeline.h), with memory of the call's: `scratch` bytes, zeroed when the call is made, and kept
 * from value to value. */
typedef int weir_stage_scratch_fn(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg, void *scratch);

/* What a stage may have beside its function; each may be NULL. A negative code is a failure. */
struct weir_lifecycle {
	weir_task_fn *setup;  /* before the first value */
	weir_task_fn *close;  /* after the last */
	weir_task_fn *reset;  /* as new, between runs */
	weir_task_fn *health; /* 0: well */
};

struct weir_stage_opts {
	const char *name;    /* static, or outliving the stage and the errors that name it; NULL: "stage" */
	const weir_type *in; /* copied, as of a channel */
	const weir_type *out;
	weir_handler_fn *process;
	weir_stage_scratch_fn *process_scratch; /* instead of process, where there is scratch */
	void *arg;                              /* of all functions here: shared by all calls */
	void (*arg_free)(void *arg);            /* the stage owns arg: called once, when it is freed; NULL: borrowed */
	struct weir_lifecycle lifecycle;
	size_t scratch;
	bool takes; /* in and out are equal, and the value moves on 0 */
};

/* A stage of a function.
 * Owner: the caller, until a constructor or weir_stage_free takes it; it owns opts->arg if there is an arg_free (also
 * where it could not be built). Threads: any. Blocks: no. Fails: never NULL; weir_stage_check says WEIR_EINVAL (no
 * function, two, a bad type, takes with two types, scratch for a function without) or WEIR_ENOMEM. After cancel:
 * unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_stage_new(weir_rt *rt, const struct weir_stage_opts *opts);

/* 0, or the first thing that went wrong while the tree was built, with what and where in err.
 * Owner: none. Threads: any. Blocks: no. Fails: WEIR_EINVAL (NULL too), WEIR_ETYPE (two stages whose types do not fit:
 * both stages and both types are named), WEIR_ENOMEM. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_stage_check(const weir_stage *st, weir_err *err);

/* Gives st a name of its own: in errors, and to a probe, that of the constructor is the same for all it made. Before it
 * becomes part of another stage. Returns st.
 * Owner: the name is static, or outlives the stage and the errors that name it; st stays whose it is. Threads: one.
 * Blocks: no. Fails: never NULL; weir_stage_check says WEIR_EINVAL (st or name is NULL); misuse (and it is unchanged)
 * where it is a child or has calls. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_stage_named(weir_stage *st, const char *name);

/* Frees the tree, children after their parents, and sets *st to NULL. NULL is allowed.
 * Owner: takes it. Threads: one. Blocks: no. Fails: misuse (and nothing is freed) while it has calls, or a child of it
 * runs that was abandoned (resilience/detach.h), or where it is a child: its parent owns it. After cancel:
 * unchanged. */
WEIR_API void weir_stage_free(weir_stage **st);

/* Its name; the types it takes and makes (NULL where it could not be built); whether values move through it.
 * Owner: the stage's. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API const char *weir_stage_name(const weir_stage *st);
WEIR_API const weir_type *weir_stage_in(const weir_stage *st);
WEIR_API const weir_type *weir_stage_out(const weir_stage *st);
WEIR_API bool weir_stage_takes(const weir_stage *st);

/* Runs one function of the lifecycle over the tree. Setup stops at the first failure, and closes what it had set up;
 * the others go on, and tell all failures (members of err, by the order of construction).
 * Owner: none. Threads: one. Blocks: as the functions do. Fails: the first code. After cancel: as the functions do;
 * close should be given a shield. */
WEIR_API WEIR_MUST_CHECK int weir_stage_setup(weir_ctx *ctx, weir_stage *st, weir_err *err);
WEIR_API WEIR_MUST_CHECK int weir_stage_close(weir_ctx *ctx, weir_stage *st, weir_err *err);
WEIR_API WEIR_MUST_CHECK int weir_stage_reset(weir_ctx *ctx, weir_stage *st, weir_err *err);
WEIR_API WEIR_MUST_CHECK int weir_stage_health(weir_ctx *ctx, weir_stage *st, weir_err *err);

/* What one task needs to run st. Its helpers are tasks of s, parked until there is work; they leave when the call is
 * freed, or the scope's context ends (process goes on without them).
 * Owner: *out is the caller's; it borrows st, and must be freed before s is joined: its helpers are tasks of s, for
 * which the join would wait for ever. Threads: any. Blocks: no. Fails: what weir_stage_check says, WEIR_EINVAL (NULL, a
 * scope of another runtime), WEIR_ENOMEM, WEIR_EAGAIN (no more tasks), the scope's code once it has ended; st has no
 * call more. After cancel: starts nothing. */
WEIR_API WEIR_MUST_CHECK int weir_call_new(weir_scope *s, weir_stage *st, weir_call **out);

/* Runs the stage on one value.
 * Owner: see above. Threads: one per call at a time; it may be handed on. The simulator reports misuse where a second
 * task begins before the first has returned, or a function of the stage uses the call that it runs in; with real
 * threads their values would be mixed in silence. Blocks: as the stage does. Fails: the stage's code; WEIR_EINVAL (a
 * function returned a positive number), WEIR_EBADF (call is NULL). After cancel: as the stage does. */
WEIR_API WEIR_MUST_CHECK int weir_call_process(weir_ctx *ctx, weir_call *call, const void *in, void *out,
					       weir_err *err);

/* Lets the helpers go, which may be tasks of the scope for a moment longer, and sets *call to NULL. NULL is allowed.
 * Owner: takes it, and st may be freed. Threads: one. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_call_free(weir_call **call);

WEIR_EXTERN_C_END

#endif
