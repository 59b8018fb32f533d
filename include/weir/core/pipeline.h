/* SPDX-License-Identifier: MIT
 *
 * weir/core/pipeline.h - jobs in -> N workers -> results out.
 *
 * The options are the reusable value; a weir_pipeline is one run. It lives in the caller's scope, and dies at its join.
 * Jobs and results are channels; both are rendezvous by default, so at most workers + job_buffer + result_buffer (+
 * reorder) jobs are inside. A job carries an id, its input and a time limit counted from pick-up; a result carries the
 * id, the outcome and the value.
 *
 * Nothing vanishes. In every snapshot (weir_pipeline_stats), whatever happens:
 *     received  = succeeded + failed + canceled + running        received: picked up by a worker
 *     succeeded + failed + canceled = emitted + undelivered + finishing
 *     discarded = items of the run's own jobs channel that no worker picked up, dropped
 * running and finishing are 0 once the results channel closes, which happens exactly once, after the last worker.
 *
 * Priorities are fixed: an ended context wins over a waiting job and over a result not yet handed over. A result is
 * canceled only when a context really ended (its own time limit, or the run's end), and then carries the cause; a
 * handler that makes the code up has failed. A late success is a success. Who leaves is never waited for:
 *   producers leave (last jobs handle closed)   workers finish what was accepted, results close
 *   the consumer leaves (results handle closed) the run is cancelled with cause CONSUMER, producers get WEIR_EPIPE
 *   drain                                       producers get WEIR_EPIPE, accepted jobs finish and are delivered
 *   cancel, or the scope's end                  handlers see it; what was not picked up or taken is dropped and counted
 *
 * PAIRWISE THREAD-SAFETY: drain, cancel, stop and stats may be called at the same time by any task until the scope is
 * joined. */
#ifndef WEIR_CORE_PIPELINE_H
#define WEIR_CORE_PIPELINE_H

#include <weir/base.h>
#include <weir/core/chan.h>
#include <weir/core/ctx.h>
#include <weir/core/err.h>
#include <weir/core/scope.h>

WEIR_EXTERN_C_BEGIN

typedef struct weir_pipeline weir_pipeline;

/* A job as it lies in the jobs channel: this head, then the input at its alignment (typed.h declares struct
 * NAME_job). */
struct weir_job_head {
	uint64_t id;
	int64_t timeout_ns; /* from pick-up; 0 or below: none */
};

/* A result: this head, then the value (a live value only where rc is 0). */
struct weir_result_head {
	uint64_t id;
	int rc;                /* 0, or the code of the failure */
	enum weir_cause cause; /* NONE unless the job was canceled */
	const char *why;       /* of the cause; "" where there is none */
	weir_err err;          /* detail of the failure; empty where rc is 0 */
};

/* in is borrowed (the pipeline drops it afterwards, on success and on failure); out is raw memory: on 0 it holds a live
 * value, on a negative code nothing. ctx ends when the job's time is over or the run ends. A positive return counts as
 * WEIR_EINVAL. */
typedef int weir_handler_fn(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg);

struct weir_pipeline_opts {
	weir_handler_fn *handler;
	void *arg; /* of handler: shared by all workers */
	/* Instead of a handler: a stage (stage/stage.h), whose types are those of the run. Each worker has a call of
	 * its own, made before it starts; helper tasks of the calls are tasks of the scope. A stage that takes moves
	 * the input on success. What a stage makes of a part (WEIR_EPARTIAL) is dropped: a result has no place for it,
	 * and says WEIR_EINCOMPLETE. Its lifecycle is the caller's. Borrowed: free it after the join. */
	weir_stage *stage;
	const char *name;       /* of tasks and statistics; static or outliving the run; NULL: "pipeline" */
	size_t workers;         /* 0: 1 */
	size_t job_buffer;      /* capacity of the jobs channel (start only) */
	size_t result_buffer;   /* capacity of the results channel */
	int64_t job_timeout_ns; /* for jobs that bring none; 0 or below: none */
	/* Results in the order of pick-up. The reorder window bounds how many jobs may be picked up and not yet
	 * emitted; 0 with ordered: twice the workers. */
	bool ordered;
	size_t reorder_window;
};

#define WEIR_PIPELINE_STUCK 8

typedef struct weir_pipeline_report {
	uint64_t received, succeeded, failed, canceled, running;
	uint64_t emitted, undelivered, finishing;
	uint64_t discarded;
	size_t workers_alive;
	/* the first WEIR_PIPELINE_STUCK workers that are in a handler: which job, and since when (weir_rt_now) */
	size_t n_stuck;
	struct {
		size_t worker;
		uint64_t job;
		int64_t since_at;
	} stuck[WEIR_PIPELINE_STUCK];
} weir_pipeline_report;

/* The element types of the two channels, and where input and value lie in them: for callers without typed.h, and for
 * attach.
 * Owner: the result borrows *in or *out, which must outlive it. Threads: any. Blocks: no. Fails: no. After cancel:
 * unchanged. */
WEIR_API weir_type weir_job_type(const weir_type *in);
WEIR_API weir_type weir_result_type(const weir_type *out);
WEIR_API size_t weir_job_offset(const weir_type *in);
WEIR_API size_t weir_result_offset(const weir_type *out);

/* Starts a run in scope s with both channels of its own.
 * Owner: *jobs and *results are the caller's; *p (p may be NULL) lives until the scope is joined. Threads: any.
 * Blocks: no. Fails: WEIR_EINVAL (neither or both of handler and stage, a bad type), WEIR_ETYPE (in and out are not the
 * stage's), what weir_stage_check says, WEIR_ENOMEM, WEIR_EOVERFLOW (buffers), WEIR_EAGAIN (no more tasks), the scope's
 * code once it has ended; nothing is started and outputs are untouched. After cancel: starts nothing. */
WEIR_API WEIR_MUST_CHECK int weir_pipeline_start(weir_scope *s, const weir_type *in, const weir_type *out,
						 const struct weir_pipeline_opts *opts, weir_tx **jobs,
						 weir_rx **results, weir_pipeline **p);

/* As start, reading from a channel of job elements that exists: takes *jobs on success, and sets it to NULL.
 * Owner: takes *jobs; the rest as start. Threads: any. Blocks: no. Fails: as start, WEIR_EBADF (no jobs), WEIR_EINVAL
 * (its element is not a job of `in`). After cancel: starts nothing. */
WEIR_API WEIR_MUST_CHECK int weir_pipeline_attach(weir_scope *s, const weir_type *in, const weir_type *out,
						  const struct weir_pipeline_opts *opts, weir_rx **jobs,
						  weir_rx **results, weir_pipeline **p);

/* Stops intake: producers get WEIR_EPIPE, accepted jobs finish and are delivered. NULL is allowed.
 * Owner: none. Threads: any, until the join. Blocks: no. Fails: no. After cancel: does nothing. */
WEIR_API void weir_pipeline_drain(weir_pipeline *p);

/* Ends the run's context (cause: user). NULL is allowed.
 * Owner: why must be static. Threads: any, until the join. Blocks: no. Fails: no. After cancel: does nothing. */
WEIR_API void weir_pipeline_cancel(weir_pipeline *p, const char *why);

/* Shuts down in two phases: drain, and wait up to grace_ns; if workers are left then, cancel, and wait up to grace_ns
 * again. What is still running is named in *out (may be NULL), which is filled in every case. Somebody must go on
 * receiving the results.
 * Owner: none. Threads: any, until the join. Blocks: at most 2 x grace_ns, or until ctx ends (which cancels the run).
 * Fails: WEIR_ECANCELED (had to be cancelled; all workers are gone), WEIR_ETIMEOUT (workers are left, see out), the
 * code of ctx, WEIR_EINVAL (p NULL, or grace_ns negative). After cancel: cancels the run, returns at once. */
WEIR_API WEIR_MUST_CHECK int weir_pipeline_stop(weir_ctx *ctx, weir_pipeline *p, int64_t grace_ns,
						weir_pipeline_report *out);

/* A snapshot with the identities above.
 * Owner: none. Threads: any, until the join. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API void weir_pipeline_stats(const weir_pipeline *p, weir_pipeline_report *out);

WEIR_EXTERN_C_END

#endif
