/* SPDX-License-Identifier: MIT
 *
 * weir/core/probe.h - what goes on in stages and pipelines, told to a function: for metrics and traces.
 *
 * A PROBE is one function that is given events. It is attached to a runtime, and from then on whatever is made on that
 * runtime (a stage, a run of a pipeline, a breaker) keeps it: so attach it first, and let it live until all of that
 * has gone. It belongs to the runtime and not to a tree of stages, because breakers, limiters and pools tell events
 * too, and are shared by trees: they all know their runtime, and none of them knows a tree. What was made without a
 * probe is not slower for it: only a stage that was made with one has something in front that tells, and a pipeline
 * asks a few times per job.
 *
 * AN EVENT is a value, which is the function's for the length of the call. What has a duration is a SPAN: an event when
 * it starts, and exactly one when it is over, which has the same number in `span`, and the time between in `value`.
 * `parent` is the span around it: of a stage, that of the stage it is part of; of the outermost stage, that of its job,
 * or of whoever used weir_probe_enter; of a job, its run. So a tree of spans can be made of the events alone. The
 * function of a stage has its span in its context: what it starts, or tells with weir_probe_current, belongs to it.
 *
 *   kind              name            value             further
 *   STAGE_STARTED     the stage's                       index: among its siblings
 *   STAGE_DONE        likewise        ns                likewise
 *   STAGE_FAILED      likewise        ns                likewise; code, err
 *   STAGE_FILTERED    likewise        ns                likewise; code: the value was dropped by a filter inside
 *   FAN_OUT           the stage's     how many stages   these six: span is the stage's; it has begun. other: at a time
 *   FAN_IN            likewise        how many values
 *   MAP               likewise        how many values   other: at a time
 *   REDUCE            likewise        how many values   other: groups at a time
 *   ROUTED            likewise        how many routes   other: of how many
 *   GROUPED           likewise        how many groups   of a reduce or a join; other: of how many values
 *   GROUP             likewise        how many values   index: which group; these four: parent is the stage's span
 *   BATCH             likewise        how many values   index: which batch; other: how many it has made; it is done
 *   ITEM_DONE         of the map      ns                index: the place in the array; of a reduce: the group
 *   ITEM_FAILED       likewise        ns                likewise; code, err
 *   PIPELINE_STARTED  the pipeline's  workers
 *   PIPELINE_DONE     likewise        ns                code: why the run ended early; 0: it did not
 *   JOB_STARTED       the pipeline's                    id: the job's; index: the worker
 *   JOB_DONE          likewise        ns                likewise
 *   JOB_FAILED        likewise        ns                likewise; code, err
 *   JOB_CANCELED      likewise        ns                likewise; code, err
 *   JOB_UNDELIVERED   the pipeline's                    id; code: nobody took the result; span 0, parent the run's
 * Each STAGE_STARTED is followed by one of DONE, FAILED and FILTERED; JOB_STARTED by one of DONE, FAILED and CANCELED;
 * PIPELINE_STARTED by PIPELINE_DONE. GROUP, BATCH and ITEM events have no span of their own.
 *
 * Told by what is above (limiters, resilience, streams), and by anybody with weir_probe_emit:
 *   RETRY             who retries     the attempt, from 2     code: of the failure before it; a hedge: 0
 *   TIMEOUT           whose           ns that were allowed
 *   REJECTED          who refused     ns, of a breaker  code; until it can be tried again
 *   STATE             of a breaker    the new state     index: the old one
 *   SUCCESS, FAILURE  of a breaker                      what it counted; code: 0 if it was told by hand
 *   BATCH             of a batcher    how many values   it was sent; span 0, parent as of an outermost stage
 *   WINDOW            of a window     how many values
 *   POOL_HIT          of a recycler   bytes             a block was there
 *   POOL_MISS         of a recycler   bytes             one was made
 *   DEAD              of a queue      attempts          code: a dead letter was taken
 *   DEAD_FAILED       of a queue      attempts          code: it could not be
 *   CUSTOM            anything        anything          anything
 * Stages of resilience tell with their own span, as FAN_OUT does. A breaker, a bulkhead, an adaptive limit and a
 * throttle that are used by hand have none: their parent is the span that ctx carries.
 *
 * THE FUNCTION may be called by several tasks at the same time. No lock of weir is held then. It must not block, and
 * what it costs is added to what it measures. */
#ifndef WEIR_CORE_PROBE_H
#define WEIR_CORE_PROBE_H

#include <weir/base.h>
#include <weir/core/ctx.h>
#include <weir/core/err.h>

WEIR_EXTERN_C_BEGIN

enum weir_probe_kind {
	WEIR_PROBE_NONE = 0,
	WEIR_PROBE_STAGE_STARTED,
	WEIR_PROBE_STAGE_DONE,
	WEIR_PROBE_STAGE_FAILED,
	WEIR_PROBE_STAGE_FILTERED,
	WEIR_PROBE_FAN_OUT,
	WEIR_PROBE_FAN_IN,
	WEIR_PROBE_MAP,
	WEIR_PROBE_REDUCE,
	WEIR_PROBE_ROUTED,
	WEIR_PROBE_GROUPED,
	WEIR_PROBE_GROUP,
	WEIR_PROBE_ITEM_DONE,
	WEIR_PROBE_ITEM_FAILED,
	WEIR_PROBE_PIPELINE_STARTED,
	WEIR_PROBE_PIPELINE_DONE,
	WEIR_PROBE_JOB_STARTED,
	WEIR_PROBE_JOB_DONE,
	WEIR_PROBE_JOB_FAILED,
	WEIR_PROBE_JOB_CANCELED,
	WEIR_PROBE_JOB_UNDELIVERED,
	WEIR_PROBE_RETRY,
	WEIR_PROBE_TIMEOUT,
	WEIR_PROBE_REJECTED,
	WEIR_PROBE_STATE,
	WEIR_PROBE_SUCCESS,
	WEIR_PROBE_FAILURE,
	WEIR_PROBE_BATCH,
	WEIR_PROBE_WINDOW,
	WEIR_PROBE_POOL_HIT,
	WEIR_PROBE_POOL_MISS,
	WEIR_PROBE_DEAD,
	WEIR_PROBE_DEAD_FAILED,
	WEIR_PROBE_CUSTOM,
	WEIR_PROBE_KINDS
};

#define WEIR_PROBE_NO_INDEX UINT32_MAX

struct weir_probe_event {
	enum weir_probe_kind kind;
	int code;         /* 0, or why not */
	const char *name; /* lives as long as what it names; never NULL for the function */
	uint64_t id;      /* of a job */
	uint64_t span, parent;
	int64_t at; /* weir_rt_now; for weir_probe_emit 0 is now */
	int64_t value;
	int64_t other;       /* a second number, where the table says so */
	uint32_t index;      /* WEIR_PROBE_NO_INDEX: none */
	const weir_err *err; /* what is known of a failure, for the length of the call; NULL: no more than its code */
};

typedef void weir_probe_fn(const struct weir_probe_event *event, void *arg);

/* Zeroed, but for the first two. */
typedef struct weir_probe {
	weir_probe_fn *fn;
	void *arg;
	uint64_t opaque_[4];
} weir_probe;

/* Whatever is made on rt from here on tells the probe.
 * Owner: borrowed, until all that was made while it was attached has gone; it must not be moved. Threads: one, and no
 * other task makes anything on rt meanwhile. Blocks: no. Fails: WEIR_EINVAL (a NULL, no function), WEIR_EBUSY (rt has
 * one, or the probe has been another's). After cancel: unchanged. */
WEIR_API WEIR_MUST_CHECK int weir_probe_attach(weir_rt *rt, weir_probe *probe);

/* Whatever is made on rt from here on tells nobody; what is there goes on telling. A runtime without one is fine.
 * Owner: none. Threads: as attach. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_probe_detach(weir_rt *rt);

/* The one that is attached, or NULL: what tells events asks once, when it is made.
 * Owner: borrowed. Threads: any. Blocks: no. Fails: NULL. After cancel: unchanged. */
WEIR_API weir_probe *weir_probe_of(weir_rt *rt);

/* Tells an event: a copy of it, with the time where `at` is 0, and "" where there is no name. A probe that is NULL is
 * allowed, and told nothing.
 * Owner: none. Threads: any. Blocks: as the function does. Fails: no. After cancel: unchanged. */
WEIR_API void weir_probe_emit(weir_probe *probe, const struct weir_probe_event *event);

/* The number of a new span, from 1; 0 where probe is NULL.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API uint64_t weir_probe_span(weir_probe *probe);

/* weir_ctx_init of a child of parent that carries the span: it is the parent of jobs, and of outermost stages, below.
 * Owner: as weir_ctx_init: weir_ctx_fini ends it. Threads: as weir_ctx_init. Blocks: no. Fails: no. After cancel: as
 * weir_ctx_init. */
WEIR_API void weir_probe_enter(weir_ctx *c, weir_ctx *parent, uint64_t span);

/* The span that ctx carries: of weir_probe_enter, or of the stage, job or run it belongs to; 0: none.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API uint64_t weir_probe_current(const weir_ctx *ctx);

/* "stage_started", "job_done", ...; "?" for what is no kind.
 * Owner: static text. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API const char *weir_probe_kind_name(enum weir_probe_kind kind);

WEIR_EXTERN_C_END

#endif
