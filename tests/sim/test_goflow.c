/* SPDX-License-Identifier: MIT
 *
 * What the small Go pipeline pins on virtual time, with exact figures and under every schedule tried; and its
 * cancellation sample: examples/goflow_cancel.c itself, with its main under another name.
 *
 *   TestCancellationStopsPipeline   four workers, an endless producer; all wait; cancel; all wait; results are closed.
 *                                   There the producer has to look at the context by itself; here it is released, and
 *                                   each of its jobs is accounted for.
 *   TestPerJobTimeout               a job has its 20 ms and is canceled; the same worker does the next one.
 *   ExamplePipeline_cancellation    the consumer takes three, cancels, and drains to the end. */
#define main goflow_cancel_main
#include "examples/goflow_cancel.c"
#undef main
#include <string.h>
#include <weir/sim.h>

#define WORKERS 4

/* Takes its input in milliseconds, and answers with the time at which it was done. */
static int takes_so_long(weir_ctx *ctx, const int64_t *in, int64_t *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	int rc = weir_sleep(ctx, WEIR_MS(*in));
	if (rc == 0)
		*out = weir_rt_now(weir_ctx_rt(ctx));
	return rc;
}
WEIR_HANDLER_DECLARE(takes_so_long, num, num);

/* ---- TestCancellationStopsPipeline ---- */

enum by { BY_PIPELINE, BY_SCOPE, BY_PARENT, WAYS };

static void stop_by(enum by way, weir_pipeline *p, weir_scope *s, weir_ctx *parent)
{
	if (way == BY_PIPELINE)
		weir_pipeline_cancel(p, "that will do");
	else if (way == BY_SCOPE)
		weir_scope_cancel(s, "that will do");
	else
		weir_ctx_cancel(parent, "that will do");
}

/* Nobody receives: every worker waits with a result, and the producer with the next job. */
static void cancellation_stops_pipeline(weir_ctx *ctx, enum by way)
{
	const struct weir_pipeline_opts opts = {.handler = twice_handler, .workers = WORKERS};
	struct sample me = {0};
	flow_results results = {0};
	struct flow_result r;
	weir_pipeline *p = NULL;
	weir_ctx parent;
	weir_scope s;
	weir_ctx_init(&parent, ctx, WEIR_FOREVER);
	weir_scope_init(&s, &parent);
	WEIR_SIM_EQ(flow_start(&s, &opts, &me.jobs, &results, &p), 0);
	WEIR_SIM_EQ(produce_spawn(&s, &me), 0);
	weir_sim_quiesce(ctx);
	weir_pipeline_stats(p, &me.sum);
	WEIR_SIM_EQ(me.sent, WORKERS);
	WEIR_SIM_EQ(me.sum.received, WORKERS);
	WEIR_SIM_EQ(me.sum.finishing, WORKERS);

	stop_by(way, p, &s, &parent);
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(flow_results_try_recv(results, &r), 0); /* closed, and nothing was left in it */
	weir_pipeline_stats(p, &me.sum);
	WEIR_SIM_EQ(me.send_rc, way == BY_PIPELINE ? WEIR_EPIPE : WEIR_ECANCELED); /* its context is the scope's */
	WEIR_SIM_EQ(me.sum.undelivered, WORKERS);
	WEIR_SIM_EQ(me.sum.workers_alive, 0);
	WEIR_SIM_ASSERT(adds_up(&me));
	flow_results_close(&results);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), way == BY_PARENT ? WEIR_ECANCELED : 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0);
	flow_jobs_close(&me.jobs);
	weir_ctx_fini(&parent);
}

WEIR_SIM_TEST(cancellation_stops_the_pipeline)
{
	cancellation_stops_pipeline(ctx, BY_PIPELINE);
}

WEIR_SIM_TEST(cancellation_of_the_scope_stops_the_pipeline)
{
	cancellation_stops_pipeline(ctx, BY_SCOPE);
}

WEIR_SIM_TEST(cancellation_from_above_stops_the_pipeline)
{
	cancellation_stops_pipeline(ctx, BY_PARENT);
}

static int endless(weir_ctx *ctx, weir_err *err, struct sample *me)
{
	(void)err;
	while (me->send_rc == 0) { /* 10 ms of work each */
		me->send_rc = flow_send(ctx, me->jobs, &(struct flow_job){.head.id = me->sent, .in = 10});
		me->sent += me->send_rc == 0;
	}
	flow_jobs_close(&me->jobs);
	return 0;
}
WEIR_TASK_DECLARE(endless, struct sample);

static int stop_at_25(weir_ctx *ctx, weir_err *err, void *pipeline)
{
	(void)err;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(25)), 0);
	weir_pipeline_cancel(pipeline, "that will do");
	return 0;
}

/* The same with a consumer and jobs of 10 ms, at 25 ms: two rounds are through, the third is cut off. */
WEIR_SIM_TEST_WITH(cancellation_cuts_off_what_runs, .no_early = true)
{
	const struct weir_pipeline_opts opts = {.handler = takes_so_long_handler, .workers = WORKERS};
	struct sample me = {0};
	flow_results results = {0};
	weir_pipeline *p = NULL;
	struct flow_result r;
	weir_scope s;
	int rc;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(flow_start(&s, &opts, &me.jobs, &results, &p), 0);
	WEIR_SIM_EQ(endless_spawn(&s, &me), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "stop", stop_at_25, p), 0);
	while ((rc = flow_recv(ctx, results, &r)) > 0) {
		WEIR_SIM_EQ(r.head.rc, 0);
		WEIR_SIM_EQ(r.value, WEIR_MS(10) * (int64_t)(1 + me.seen / WORKERS));
		me.seen++;
	}
	WEIR_SIM_EQ(rc, 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(25));
	weir_pipeline_stats(p, &me.sum);
	WEIR_SIM_EQ(me.seen, 2 * WORKERS);
	WEIR_SIM_EQ(me.sum.canceled, WORKERS);
	WEIR_SIM_EQ(me.sum.undelivered, WORKERS);
	flow_results_close(&results);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(me.send_rc, WEIR_EPIPE);
	WEIR_SIM_ASSERT(adds_up(&me));
}

/* ---- TestPerJobTimeout ---- */

/* The jobs are there at once, so each but the first waits in the channel: its time counts from its pick-up. */
static void per_job_timeout(weir_ctx *ctx, const struct weir_pipeline_opts *opts, int64_t first_timeout_ns)
{
	static const int64_t done_at[] = {20, 50, 69, 89};
	const struct flow_job jobs[] = {
		{.head = {.id = 0, .timeout_ns = first_timeout_ns}, .in = 1000}, /* cut off at 20 ms */
		{.head = {.id = 1, .timeout_ns = WEIR_SEC(9)}, .in = 30},
		{.head = {.id = 2, .timeout_ns = WEIR_MS(20)}, .in = 19},  /* in time, by a millisecond */
		{.head = {.id = 3, .timeout_ns = WEIR_MS(20)}, .in = 500}, /* cut off again */
	};
	flow_jobs tx = {0};
	flow_results results = {0};
	struct flow_result r;
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(flow_start(&s, opts, &tx, &results, NULL), 0);
	for (size_t i = 0; i < 4; i++)
		WEIR_SIM_EQ(flow_jobs_try_send(tx, &jobs[i]), 0);
	flow_jobs_close(&tx);
	for (uint64_t i = 0; i < 4; i++) {
		bool canceled = i == 0 || i == 3;
		WEIR_SIM_EQ(flow_recv(ctx, results, &r), 1);
		WEIR_SIM_EQ(r.head.id, i);
		WEIR_SIM_EQ(r.head.rc, canceled ? WEIR_EDEADLINE : 0);
		WEIR_SIM_EQ(r.head.cause, canceled ? WEIR_CAUSE_DEADLINE : WEIR_CAUSE_NONE);
		WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(done_at[i]));
		if (!canceled)
			WEIR_SIM_EQ(r.value, WEIR_MS(done_at[i]));
		flow_result_drop(&r);
	}
	WEIR_SIM_EQ(flow_recv(ctx, results, &r), 0);
	flow_results_close(&results);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}

WEIR_SIM_TEST_WITH(a_timeout_of_one_job, .no_early = true)
{
	const struct weir_pipeline_opts opts = {.handler = takes_so_long_handler, .job_buffer = 4};
	per_job_timeout(ctx, &opts, WEIR_MS(20));
}

WEIR_SIM_TEST_WITH(a_timeout_for_jobs_that_bring_none, .no_early = true)
{
	const struct weir_pipeline_opts opts = {.handler = takes_so_long_handler,
						.job_buffer = 4,
						.job_timeout_ns = WEIR_MS(20)};
	per_job_timeout(ctx, &opts, 0);
}

/* ---- ExamplePipeline_cancellation ---- */

static void three_are_enough(weir_ctx *ctx)
{
	struct sample me = {0};
	WEIR_SIM_EQ(run(ctx, NULL, &me), 0);
	WEIR_SIM_EQ(me.seen, 3); /* the cancel wins over results that were not taken yet */
	WEIR_SIM_EQ(me.send_rc, WEIR_EPIPE);
	WEIR_SIM_ASSERT(adds_up(&me));
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0);
}

WEIR_SIM_TEST_WITH(the_sample_in_many_orders, .schedules = 3000)
{
	three_are_enough(ctx);
}

WEIR_SIM_TEST_WITH(the_sample_without_preemptions, .strategy = "dfs0", .schedules = 20000)
{
	three_are_enough(ctx);
}

/* Whichever allocation or spawn fails: the error is told, and nothing is left over. */
WEIR_SIM_TEST_WITH(the_sample_with_a_fault_anywhere, .schedules = 20, .fault_sweep = true)
{
	struct sample me = {0};
	weir_err err = {0};
	int rc = run(ctx, &err, &me);
	WEIR_SIM_ASSERT(rc == WEIR_ENOMEM || rc == WEIR_EAGAIN || (rc == 0 && adds_up(&me)));
	weir_err_fini(&err);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
