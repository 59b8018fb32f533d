/* SPDX-License-Identifier: MIT
 *
 * Pipelines that end in every way there is. All share one shape - a producer task, a run of two workers, the
 * scenario's own task as the consumer - and one set of checks at the end: every input and every value was freed
 * exactly once, and the account of pipeline.h balances. */
#include "scenarios.h"

WEIR_TYPE_OWNED(token, struct weir_token, weir__token_free);
WEIR_PIPELINE_DECLARE(run, token, token);

#define JOBS 4

struct world {
	struct weir_tally inputs, values;
	run_jobs jobs;
	run_results results;
	weir_pipeline *pipeline;
	weir_scope scope;
	int sent;        /* jobs that were accepted */
	int refused;     /* the code that ended the producer, or 0 */
	int got[3];      /* results taken: succeeded, failed, canceled */
	int64_t work_ns; /* of each handler */
	bool stubborn;   /* the handler ignores its context */
};

static int handle(weir_ctx *ctx, const struct weir_token *in, struct weir_token *out, weir_err *err, void *arg)
{
	struct world *w = arg;
	int rc = 0;
	if (w->stubborn) {
		weir_ctx own;
		weir_ctx_init_shield(&own, ctx, WEIR_SEC(3600));
		rc = weir_sleep(&own, w->work_ns);
		weir_ctx_fini(&own);
	} else {
		rc = weir_sleep(ctx, w->work_ns);
	}
	if (rc == 0 && in->id == JOBS - 1 && !w->stubborn)
		rc = weir_fail(err, WEIR_EUSER - 1, "job %d is refused", in->id);
	if (rc == 0)
		*out = weir__token(&w->values, in->id);
	return rc;
}
WEIR_HANDLER_DECLARE(handle, token, token);

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	int rc = 0;
	(void)err;
	for (int i = 0; i < JOBS && rc == 0; i++) {
		struct run_job job = {.head.id = (uint64_t)i, .in = weir__token(&w->inputs, i)};
		rc = run_send(ctx, w->jobs, &job);
		if (rc == 0)
			w->sent++;
		else
			token_drop(&job.in); /* a failed send leaves it with us */
	}
	w->refused = rc;
	run_jobs_close(&w->jobs);
	return rc == WEIR_EPIPE ? 0 : rc; /* nobody wants more: a normal end for a producer */
}

static void start(weir_ctx *ctx, struct world *w, size_t result_buffer, int64_t job_timeout_ns)
{
	struct weir_pipeline_opts opts = {.handler = handle_handler,
					  .arg = w,
					  .name = "worker",
					  .workers = 2,
					  .result_buffer = result_buffer,
					  .job_timeout_ns = job_timeout_ns};
	weir_scope_init(&w->scope, ctx);
	WEIR_SIM_EQ(run_start(&w->scope, &opts, &w->jobs, &w->results, &w->pipeline), 0);
	weir_sim_name(w->jobs.end, "jobs");
	weir_sim_name(w->results.end, "results");
	WEIR_SIM_EQ(weir_scope_spawn(&w->scope, "producer", produce, w), 0);
}

/* Takes results until the end, or until `most` were taken. */
static int take(weir_ctx *ctx, struct world *w, int most)
{
	struct run_result r;
	int rc = 1;
	for (int i = 0; i < most && rc == 1; i++) {
		rc = run_recv(ctx, w->results, &r);
		if (rc != 1)
			break;
		w->got[r.head.cause != WEIR_CAUSE_NONE ? 2 : r.head.rc < 0]++;
		WEIR_SIM_ASSERT(r.head.cause == WEIR_CAUSE_NONE || r.head.rc == WEIR_ECANCELED ||
				r.head.rc == WEIR_EDEADLINE);
		run_result_drop(&r);
	}
	return rc;
}

static void check(struct world *w, const weir_pipeline_report *r)
{
	int got = w->got[0] + w->got[1] + w->got[2];
	WEIR_SIM_EQ(r->running, 0);
	WEIR_SIM_EQ(r->finishing, 0);
	WEIR_SIM_EQ(r->received, r->succeeded + r->failed + r->canceled);
	WEIR_SIM_EQ(r->succeeded + r->failed + r->canceled, r->emitted + r->undelivered);
	WEIR_SIM_ASSERT((int)r->emitted >= got);
}

/* Waits for the end of the run and checks what must always hold. */
static weir_pipeline_report finish(weir_ctx *ctx, struct world *w)
{
	weir_pipeline_report report;
	WEIR_SIM_EQ(take(ctx, w, JOBS + 1), 0);
	weir_pipeline_stats(w->pipeline, &report); /* results are closed: final */
	check(w, &report);
	run_results_close(&w->results);
	WEIR_SIM_EQ(weir_scope_join(ctx, &w->scope, 0, NULL), 0);
	run_jobs_close(&w->jobs);
	WEIR_SIM_EQ(w->sent, report.received + report.discarded);
	WEIR_SIM_EQ(w->inputs.made, w->inputs.freed);
	WEIR_SIM_EQ(w->values.made, w->values.freed);
	return report;
}

static int normal_end(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {.work_ns = WEIR_MS(1)};
	(void)err, (void)arg;
	start(ctx, &w, 0, 0);
	weir_pipeline_report r = finish(ctx, &w);
	WEIR_SIM_EQ(w.sent, JOBS);
	WEIR_SIM_EQ(r.succeeded, JOBS - 1);
	WEIR_SIM_EQ(r.failed, 1);
	WEIR_SIM_EQ(w.got[0] + w.got[1], JOBS);
	return 0;
}

static int cancel_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	(void)err;
	for (uint32_t n = weir_sim_choose(6, "when to cancel"); n > 0; n--)
		weir_rt_yield(weir_ctx_rt(ctx));
	weir_pipeline_cancel(w->pipeline, "enough");
	return 0;
}

/* The cancel may come before, between and after everything else. */
static int cancel_anywhere(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {.work_ns = WEIR_MS(1)};
	(void)err, (void)arg;
	start(ctx, &w, 1, 0);
	WEIR_SIM_EQ(weir_scope_spawn(&w.scope, "canceller", cancel_task, &w), 0);
	weir_pipeline_report r = finish(ctx, &w);
	WEIR_SIM_ASSERT(w.refused == 0 || w.refused == WEIR_EPIPE);
	WEIR_SIM_ASSERT((int)r.received <= JOBS);
	return 0;
}

/* The job's time limit is exactly the time its work takes: either may win, and the result says which. */
static int deadline_against_completion(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {.work_ns = WEIR_MS(2)};
	(void)err, (void)arg;
	start(ctx, &w, 0, WEIR_MS(2));
	weir_pipeline_report r = finish(ctx, &w);
	WEIR_SIM_EQ(r.received, JOBS);
	WEIR_SIM_EQ(r.canceled, w.got[2]);
	WEIR_SIM_EQ(r.undelivered, 0);
	return 0;
}

static int consumer_leaves(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {.work_ns = WEIR_MS(1)};
	(void)err, (void)arg;
	start(ctx, &w, weir_sim_choose(2, "result buffer"), 0);
	take(ctx, &w, (int)weir_sim_choose(JOBS, "results taken"));
	run_results_close(&w.results); /* the rest must end by itself */
	WEIR_SIM_EQ(weir_scope_join(ctx, &w.scope, 0, NULL), 0);
	run_jobs_close(&w.jobs);
	WEIR_SIM_EQ(w.inputs.made, w.inputs.freed);
	WEIR_SIM_EQ(w.values.made, w.values.freed);
	return 0;
}

/* The producer may close without having sent anything. */
static int leave_early(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world *w = arg;
	int rc = 0;
	(void)err;
	for (int i = (int)weir_sim_choose(3, "jobs sent"); i > 0 && rc == 0; i--) {
		struct run_job job = {.in = weir__token(&w->inputs, 0)};
		rc = run_send(ctx, w->jobs, &job);
		w->sent += rc == 0;
	}
	run_jobs_close(&w->jobs);
	return rc;
}

static int producer_leaves(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {.work_ns = WEIR_MS(1)};
	struct weir_pipeline_opts opts = {.handler = handle_handler, .arg = &w, .name = "worker", .workers = 2};
	(void)err, (void)arg;
	weir_scope_init(&w.scope, ctx);
	WEIR_SIM_EQ(run_start(&w.scope, &opts, &w.jobs, &w.results, &w.pipeline), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&w.scope, "producer", leave_early, &w), 0);
	weir_pipeline_report r = finish(ctx, &w);
	WEIR_SIM_EQ(r.emitted, w.sent);
	return 0;
}

struct stopper {
	struct world *w;
	int rc;
	weir_pipeline_report report;
};

static int stop_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct stopper *s = arg;
	(void)err;
	s->rc = weir_pipeline_stop(ctx, s->w->pipeline, WEIR_MS(3), &s->report);
	return 0;
}

/* Two phases: what is accepted gets 3 ms to finish, then the rest is cancelled. Handlers take 2 ms, so the first
 * round makes it. */
static int drain_then_cancel(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {.work_ns = WEIR_MS(2)};
	struct stopper s = {.w = &w, .rc = 1};
	(void)err, (void)arg;
	start(ctx, &w, JOBS, 0);
	WEIR_SIM_EQ(weir_scope_spawn(&w.scope, "stopper", stop_task, &s), 0);
	weir_pipeline_report r = finish(ctx, &w);
	WEIR_SIM_ASSERT(s.rc == 0 || s.rc == WEIR_ECANCELED || s.rc == WEIR_ETIMEOUT);
	WEIR_SIM_ASSERT(s.rc != 0 ||
			r.canceled + r.undelivered + r.discarded == 0); /* 0: all that was accepted was delivered */
	WEIR_SIM_ASSERT(s.report.workers_alive == 0 ||
			s.rc == WEIR_ETIMEOUT); /* who is left is only left after both phases */
	return 0;
}

/* A handler that does not look at its context is not waited for longer than promised, and is named. */
static int stubborn_handler(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct world w = {.work_ns = WEIR_MS(100), .stubborn = true};
	struct stopper s = {.w = &w, .rc = 1};
	(void)err, (void)arg;
	start(ctx, &w, JOBS, 0);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	stop_task(ctx, NULL, &s);
	WEIR_SIM_EQ(s.rc, WEIR_ETIMEOUT);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(7)); /* 1, and twice the grace time */
	WEIR_SIM_EQ(s.report.n_stuck, 2);
	WEIR_SIM_EQ(s.report.running, 2);
	finish(ctx, &w);
	return 0;
}

struct weir_scenario weir__scenarios_pipeline[] = {
	{{.name = "pipeline_normal_end", .fn = normal_end},
	 "the producer closes, everything is delivered, results close once"},
	{{.name = "pipeline_cancel_anywhere", .fn = cancel_anywhere},
	 "cancel at every point: nothing lost, nothing freed twice"},
	{{.name = "pipeline_deadline_or_done", .fn = deadline_against_completion},
	 "a job's time limit against its completion"},
	{{.name = "pipeline_consumer_leaves", .fn = consumer_leaves},
	 "nobody reads results any more: workers and producer are released"},
	{{.name = "pipeline_producer_leaves", .fn = producer_leaves}, "the producer closes after 0, 1 or 2 jobs"},
	{{.name = "pipeline_drain_then_cancel", .fn = drain_then_cancel},
	 "two-phase shutdown: drain, and cancel at a deadline"},
	{{.name = "pipeline_stubborn_handler", .fn = stubborn_handler, .opts.no_early = true},
	 "a handler that ignores its context is named, not waited for"},
};

const size_t weir__n_scenarios_pipeline = sizeof(weir__scenarios_pipeline) / sizeof(weir__scenarios_pipeline[0]);
