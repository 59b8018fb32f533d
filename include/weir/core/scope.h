/* SPDX-License-Identifier: MIT
 *
 * weir/core/scope.h - a group of tasks bound to a block: none outlives it.
 *
 * weir_scope_init and weir_scope_join stand in one function (weir_scope_run pairs them for you). The tasks run under
 * the scope's context, a child of the parent's. The first task that fails cancels its siblings, and its error is what
 * join returns. Join returns when every task is gone, and only then: an ended context cancels the scope, but join keeps
 * waiting, since returning would leave tasks that use the caller's stack. What keeps it waiting can be reported
 * (stuck_after_ns of the runtime).
 *
 * STATE x OPERATION   open                ended (cancelled, failed)    joining, tasks run      joined / zeroed
 *   spawn             starts a task       the context's code           as before, from tasks   WEIR_EINVAL
 *   cancel            ends it             nothing                      ends it                 nothing
 *   join              waits for all       waits for all                misuse                  misuse / returns rc
 *
 * PAIRWISE THREAD-SAFETY: spawn, cancel, on_end and its stop may be called at the same time by any task that runs in
 * the scope, and by its owner; init and join are the owner's. A scope is not movable between init and join. */
#ifndef WEIR_CORE_SCOPE_H
#define WEIR_CORE_SCOPE_H

#include <weir/base.h>
#include <weir/core/ctx.h>

WEIR_EXTERN_C_BEGIN

struct weir_scope {
	uint64_t opaque_[96];
};

/* Opens a scope under parent.
 * Owner: s is the caller's memory until weir_scope_join. Threads: the owner. Blocks: no. Fails: no.
 * After cancel: a scope that has ended; spawn says so. */
WEIR_API void weir_scope_init(weir_scope *s, weir_ctx *parent);

/* The context its tasks run under.
 * Owner: borrowed, until join returns. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API weir_ctx *weir_scope_ctx(weir_scope *s);

/* The nearest open scope above ctx (the one a task runs in), or NULL.
 * Owner: borrowed. Threads: any. Blocks: no. Fails: NULL. After cancel: unchanged. */
WEIR_API weir_scope *weir_scope_of(weir_ctx *ctx);

/* Starts fn(scope's context, detail, arg) as a task, or fails with arg untouched. name is copied (31 bytes).
 * Owner: arg must live until the task is over. Threads: see above. Blocks: no.
 * Fails: WEIR_ENOMEM, WEIR_EAGAIN (no more tasks), WEIR_EINVAL, the scope's code once it has ended. After cancel:
 * starts nothing. */
WEIR_API WEIR_MUST_CHECK int weir_scope_spawn(weir_scope *s, const char *name, weir_task_fn *fn, void *arg);

/* Ends the scope's context (cause: user). Tasks are asked, not killed.
 * Owner: why must be static. Threads: see above. Blocks: no. Fails: no. After cancel: does nothing. */
WEIR_API void weir_scope_cancel(weir_scope *s, const char *why);

/* Waits until every task is gone and finishes the scope. rc is the block's own outcome: negative cancels the siblings,
 * anything else is success (the 1 of a last receive included). Returns rc if negative; else the first task error that
 * is not a mere consequence of the scope's end; else the parent's code if the parent has ended; else 0. A scope
 * cancelled by its owner: 0. WEIR_ECANCELED, WEIR_EDEADLINE and WEIR_EPIPE tell of what others did: a task that returns
 * one when the scope has ended is a consequence, and as rc they give way to a task's error. WEIR_EPIPE (nobody will
 * receive) gives way to every other error, also to a later one: a receiver that fails closes its end first; and as rc
 * to the parent's code, and then what err said is dropped.
 * Owner: s is plain memory again; detail of the returned error moves into err. Threads: the owner. Blocks: until every
 * task has returned; ctx ending cancels the scope but does not end the wait.
 * Fails: as above, WEIR_EDEADLK (called by a task of the scope itself). After cancel: cancels the scope, waits. */
WEIR_API WEIR_MUST_CHECK int weir_scope_join(weir_ctx *ctx, weir_scope *s, int rc, weir_err *err);

/* init, body(scope's context, err, arg), join: cannot be forgotten. In body, weir_scope_of(ctx) is the scope.
 * Owner: arg is the caller's. Threads: any. Blocks: as weir_scope_join. Fails: as weir_scope_join. After cancel: body
 * runs and sees it. */
WEIR_API WEIR_MUST_CHECK int weir_scope_run(weir_ctx *ctx, weir_task_fn *body, void *arg, weir_err *err);

typedef struct weir_on_end {
	uint64_t opaque_[11];
} weir_on_end;

enum weir_on_end_state {
	WEIR_ON_END_STOPPED, /* fn has not run and will not */
	WEIR_ON_END_RUNNING, /* fn has begun, and may still run */
	WEIR_ON_END_DONE,    /* fn has returned */
};

/* Starts a task of s that waits for ctx to end and then runs fn(arg), once. It does not keep the scope: when the owner
 * has come to join and only such tasks are left, those whose ctx has not ended are over without running fn. (A scope
 * that has ended but is not joined yet still runs it.)
 * Owner: handle, arg and ctx must live until join returns; handle is zeroed on failure. Threads: see above. Blocks: no.
 * Fails: as weir_scope_spawn, WEIR_EINVAL (no fn or handle, a ctx of another runtime). After cancel: of ctx, runs fn at
 * once; of the scope, starts nothing. */
WEIR_API WEIR_MUST_CHECK int weir_scope_on_end(weir_scope *s, weir_ctx *ctx, void (*fn)(void *arg), void *arg,
					       weir_on_end *handle);

/* Keeps fn from running, or says that it is too late. Does not wait for it: join does. NULL and zeroed handles:
 * WEIR_ON_END_STOPPED; after join: how it ended.
 * Owner: none. Threads: see above; also the owner after join. Blocks: no. Fails: no. After cancel: one of the three. */
WEIR_API enum weir_on_end_state weir_on_end_stop(weir_on_end *handle);

WEIR_EXTERN_C_END

#endif
