/* SPDX-License-Identifier: MIT
 *
 * weir/resilience/breaker.h - a circuit breaker that tasks share, and the stage that stands behind it.
 *
 * The rules are those of the machine, breaker_state.h. A breaker is the caller's memory, and is lent to any number of
 * stages (weir_guard) and of callers by hand (acquire, then report): all of them see one state. Its functions wait for
 * nothing but its lock, which is held for a few instructions; while it is closed and nothing fails, a call that is let
 * in, and its success without a window, take no lock at all.
 *
 * Events are told by the function of the options, outside of the lock, in the task whose call made them happen: it may
 * use the breaker. Two tasks may tell at the same time; the generation says which came first.
 *
 * PAIRWISE THREAD-SAFETY (same breaker)   init   fini   any other operation
 *   init, fini                            no     no     no
 *   any other operation                   no     no     yes
 * Not movable between init and fini. */
#ifndef WEIR_RESILIENCE_BREAKER_H
#define WEIR_RESILIENCE_BREAKER_H

#include <weir/base.h>
#include <weir/core/sync.h>
#include <weir/resilience/breaker_state.h>
#include <weir/stage/stage.h>

WEIR_EXTERN_C_BEGIN

typedef struct weir_breaker {
	uint64_t opaque_[192];
} weir_breaker;

/* Closed, on the runtime of ctx. opts NULL: all defaults.
 * Owner: b is the caller's memory until weir_breaker_fini; opts is copied. Threads: one. Blocks: no. Fails:
 * WEIR_EINVAL; weir_breaker_opts_check says why. b is zeroed then. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_breaker_init(weir_breaker *b, weir_ctx *ctx, const struct weir_breaker_opts *opts);

/* Finishes it, and zeroes it; NULL and zeroed memory are allowed. Permits that are out are worth nothing.
 * Owner: plain memory again. Threads: one, when no stage that borrows it is called any more. Blocks: no. Fails: no.
 * After cancel: unchanged. */
WEIR_API void weir_breaker_fini(weir_breaker *b);

/* Asks to be let in: 0, and *out is a permit. *try_again_ns (may be NULL): as weir_breaker_state_acquire.
 * Owner: *out is to be reported once. Threads: any. Blocks: for its lock, whatever becomes of ctx. Fails: WEIR_EOPEN.
 * After cancel: unchanged: whether the call makes sense is not the breaker's question. */
WEIR_API WEIR_MUST_CHECK int weir_breaker_acquire(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *out,
						  int64_t *try_again_ns);

/* Gives the permit back with what came of it; an empty one is left alone. By any task.
 * Owner: empties *permit. Threads: any. Blocks: for its lock, whatever becomes of ctx. Fails: no. After cancel:
 * unchanged. */
WEIR_API void weir_breaker_report(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_permit *permit,
				  enum weir_outcome outcome);

/* What is so now.
 * Owner: none. Threads: any. Blocks: for its lock, whatever becomes of ctx. Fails: no. After cancel: unchanged. */
WEIR_API void weir_breaker_snapshot_get(weir_ctx *ctx, weir_breaker *b, struct weir_breaker_snapshot *out);

/* Sets the state by hand, as weir_breaker_state_set; WEIR_BREAKER_CLOSED is a reset.
 * Owner: none. Threads: any. Blocks: for its lock, whatever becomes of ctx. Fails: no. After cancel: unchanged. */
WEIR_API void weir_breaker_set(weir_ctx *ctx, weir_breaker *b, enum weir_breaker_mode mode);

/* Other options, live: as weir_breaker_state_set_opts.
 * Owner: none; opts is copied. Threads: any. Blocks: for its lock, whatever becomes of ctx. Fails: WEIR_EINVAL, and
 * nothing has changed. After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_breaker_set_opts(weir_ctx *ctx, weir_breaker *b,
						   const struct weir_breaker_opts *opts);

/* child, where the breaker lets through; else WEIR_EOPEN, whose value is the time until it can be tried again
 * (weir_err_as). The permit is given back however the child returns. What counts:
 *   0                                                                  a success
 *   the caller's context has ended, and the failure is a consequence   ignored, whatever classify would say
 *     (WEIR_ECANCELED, WEIR_EDEADLINE, also further down in err)
 *   classify, if there is one                                          what it says
 *   WEIR_EFILTERED, WEIR_ENOROUTE, WEIR_EOPEN, WEIR_ELIMITED,          ignored: what was called had no part in it
 *     WEIR_EOVERLOAD
 *   any other code, WEIR_ETIMEOUT too                                  a failure
 * It takes (stage.h) if child does.
 * Owner: takes child, borrows the breaker until the stage is freed. Threads: any. Blocks: as child does. Fails: never
 * NULL; weir_stage_check says WEIR_EINVAL (no child, no breaker, or one that is not made), WEIR_ENOMEM. After cancel:
 * as child does. */
WEIR_API WEIR_MUST_CHECK weir_stage *weir_guard(weir_stage *child, weir_breaker *breaker);

WEIR_EXTERN_C_END

#endif
