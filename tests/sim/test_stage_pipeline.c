/* SPDX-License-Identifier: MIT
 *
 * Pipelines that run a stage: each worker has a call of its own, whose helpers are tasks of the scope and must be gone
 * with the workers, however the run ends. Values are items that are counted (`alive`) and marked when they are dropped,
 * so that a second drop, a use after it, or one that was lost shows: when everybody has left nothing is alive.
 *
 * Three stages: `plus`, in a fan-out with a helper, which borrows its input; `pass`, which takes it; and a map that
 * collects, whose parts of a value must not come out. Bounds: "dfsN" is every schedule with at most N preemptions, of
 * programs as small as show what is at stake: two workers only where they take part in one value's fate. The same
 * scenarios with more of everything run under the portfolio, with the moment of the event a choice. */
#include <string.h>
#include <weir/sim.h>
#include <weir/stage.h>

#include "item.h"

WEIR_PIPELINE_DECLARE(line, item, item);
WEIR_PIPELINE_DECLARE(lists, items, items);

/* ---- the stages ---- */

#define BAD 1 /* the id that fails, where *arg is not NULL */

static int plus(weir_ctx *ctx, const struct item *in, struct item *out, weir_err *err, void *arg)
{
	WEIR_SIM_EQ(in->dropped, 0);
	int rc = arg ? weir_sleep(ctx, *(const int64_t *)arg) : 0;
	WEIR_SIM_EQ(in->dropped, 0); /* it was borrowed all the time */
	if (rc == 0 && arg && in->id == BAD)
		rc = weir_fail(err, WEIR_EUSER - 1, "item %d", in->id);
	if (rc == 0)
		*out = item_new(in->id + 10);
	return rc;
}
WEIR_STAGE_DECLARE(plus, item, item);

static int first(weir_ctx *ctx, const items_t *in, struct item *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = item_new(items_at(in, 0)->id);
	return 0;
}
WEIR_STAGE_DECLARE(first, items, item);

/* Two at once, and what the first one made. */
static weir_stage *two(weir_ctx *ctx, int64_t *ns)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	return weir_parallel((weir_stage *const[]){plus_stage(rt, ns), plus_stage(rt, ns)}, 2, 0,
			     first_stage(rt, NULL));
}

static int pass(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct item *i = in;
	(void)err, (void)arg;
	weir_rt_yield(weir_ctx_rt(ctx));
	WEIR_SIM_EQ(i->dropped, 0);
	if (i->id == BAD)
		return WEIR_EFILTERED;
	memcpy(out, in, sizeof(*i));
	return 0;
}

static weir_stage *passing(weir_ctx *ctx)
{
	return weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.name = "pass",
									  .in = item_type(),
									  .out = item_type(),
									  .process = pass,
									  .takes = true});
}

/* ---- a run ---- */

enum event { NOTHING, CANCEL, SCOPE_CANCEL, DRAIN, LEAVE };

static struct run {
	weir_scope s;
	line_jobs jobs;
	line_results results;
	weir_pipeline *p;
	enum event event;
	unsigned moment;
	int n_jobs, send_rc, got[4], made, n_results, n_bad;
} run;

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)err, (void)arg;
	for (int id = 0; id < run.n_jobs && rc == 0; id++) {
		struct line_job job = {.head.id = (uint64_t)id, .in = item_new(id)};
		rc = line_send(ctx, run.jobs, &job);
		if (rc < 0)
			line_job_drop(&job);
	}
	run.send_rc = rc;
	line_jobs_close(&run.jobs);
	return 0;
}

static int happen(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	for (unsigned i = 0; i < run.moment; i++)
		weir_rt_yield(weir_ctx_rt(ctx));
	if (run.event == CANCEL)
		weir_pipeline_cancel(run.p, "that will do");
	else if (run.event == SCOPE_CANCEL)
		weir_scope_cancel(&run.s, "all of it");
	else if (run.event == DRAIN)
		weir_pipeline_drain(run.p);
	return 0;
}

/* Takes what comes; `added` is what the stage adds to an id. The account is final when the results close. */
static void consume(weir_ctx *ctx, int added)
{
	struct line_result r;
	weir_pipeline_report report;
	int rc = 1;
	while (!(run.event == LEAVE && run.n_results == (int)run.moment) &&
	       (rc = line_recv(ctx, run.results, &r)) == 1) {
		run.got[run.n_results++] = (int)r.head.id;
		run.n_bad += r.head.rc != 0;
		run.made += r.head.rc == 0;
		if (r.head.rc == 0)
			WEIR_SIM_EQ(r.value.id, (int)r.head.id + added);
		WEIR_SIM_EQ(r.head.err.code, r.head.rc);
		line_result_drop(&r);
	}
	if (rc == 0) {
		weir_pipeline_stats(run.p, &report);
		WEIR_SIM_EQ(report.running + report.finishing, 0);
		WEIR_SIM_EQ(report.emitted, run.n_results);
	}
	WEIR_SIM_ASSERT(rc >= 0);
	line_results_close(&run.results);
}

struct plan {
	unsigned workers; /* 0: 2 */
	int n_jobs, added;
	bool ordered;
	enum event event;
	unsigned moments; /* it happens after so many yields, or fewer */
};

/* Runs jobs through st, which it frees, as planned; nothing is left. */
static void go(weir_ctx *ctx, weir_stage *st, struct plan plan)
{
	struct weir_pipeline_opts opts = {.stage = st,
					  .workers = plan.workers ? plan.workers : 2,
					  .ordered = plan.ordered,
					  .job_buffer = 1};
	enum event event = plan.event;
	alive = 0;
	run = (struct run){.event = event, .n_jobs = plan.n_jobs};
	weir_scope_init(&run.s, ctx);
	WEIR_SIM_EQ(line_start(&run.s, &opts, &run.jobs, &run.results, &run.p), 0);
	run.moment = plan.moments ? weir_sim_choose(plan.moments, "moment") : 0;
	WEIR_SIM_EQ(weir_scope_spawn(&run.s, "producer", produce, NULL), 0);
	if (event != NOTHING && event != LEAVE)
		WEIR_SIM_EQ(weir_scope_spawn(&run.s, "event", happen, NULL), 0);
	consume(ctx, plan.added);
	WEIR_SIM_EQ(weir_scope_join(ctx, &run.s, 0, NULL), 0);
	line_jobs_close(&run.jobs);
	weir_stage_free(&st); /* no call has it any more */
	WEIR_SIM_EQ(alive, 0);
	for (int i = 0; plan.ordered && i < run.n_results; i++)
		WEIR_SIM_EQ(run.got[i], i);
	if (event == NOTHING) {
		WEIR_SIM_EQ(run.n_results, plan.n_jobs);
		WEIR_SIM_EQ(run.send_rc, 0);
	}
}

static unsigned seen_made, seen_taken;

/* Two workers and their two helpers, one job, no preemption: who waits for whom. */
WEIR_SIM_TEST_WITH(a_stage_in_a_pipeline_dfs, .strategy = "dfs0")
{
	go(ctx, two(ctx, NULL), (struct plan){.n_jobs = 1, .added = 10, .ordered = weir_sim_choose(2, "ordered")});
	WEIR_SIM_EQ(run.made, 1);
}

/* One worker and its helper, two jobs, one preemption: the call is used again. */
WEIR_SIM_TEST_WITH(one_worker_and_its_helper_dfs, .strategy = "dfs1")
{
	go(ctx, two(ctx, NULL), (struct plan){.workers = 1, .n_jobs = 2, .added = 10});
	WEIR_SIM_EQ(run.made, 2);
}

WEIR_SIM_TEST(a_stage_in_a_pipeline)
{
	go(ctx, two(ctx, NULL), (struct plan){.n_jobs = 3, .added = 10, .ordered = weir_sim_choose(2, "ordered")});
	WEIR_SIM_EQ(run.made, 3);
}

/* Two workers, two jobs, one preemption. */
WEIR_SIM_TEST_WITH(a_stage_that_takes_dfs, .strategy = "dfs1")
{
	go(ctx, passing(ctx), (struct plan){.n_jobs = 2});
	WEIR_SIM_EQ(run.made, 1); /* the other one was filtered: its input was dropped by the run */
}

/* The run is cancelled at every operation, of a stage that takes: two workers, two jobs, one preemption. */
WEIR_SIM_TEST_WITH(taken_and_canceled_dfs, .strategy = "dfs1")
{
	go(ctx, passing(ctx), (struct plan){.n_jobs = 2, .event = CANCEL});
	seen_taken |= run.made ? 2 : 1;
}

WEIR_SIM_TEST_WITH(taken_in_order_and_canceled_dfs, .strategy = "dfs1")
{
	go(ctx, passing(ctx), (struct plan){.n_jobs = 2, .event = CANCEL, .ordered = true});
	seen_taken |= run.made ? 8 : 4;
}

WEIR_SIM_TEST(taken_and_every_event)
{
	struct plan plan = {.n_jobs = 3, .event = (enum event)(1 + weir_sim_choose(4, "event"))};
	plan.ordered = weir_sim_choose(2, "ordered");
	plan.moments = plan.event == LEAVE ? 3 : 12;
	go(ctx, passing(ctx), plan);
	if (plan.event == CANCEL)
		seen_taken |= (run.made ? 2u : 1u) << (plan.ordered ? 2 : 0);
}

WEIR_SIM_TEST_WITH(taken_and_canceled_saw_both, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_taken, 15);
}

/* The run is cancelled at every operation, of a call that has a helper: one worker, one job, one preemption. */
WEIR_SIM_TEST_WITH(helpers_and_a_cancel_dfs, .strategy = "dfs1")
{
	go(ctx, two(ctx, NULL), (struct plan){.workers = 1, .n_jobs = 1, .added = 10, .event = CANCEL});
}

WEIR_SIM_TEST_WITH(helpers_and_every_event, .schedules = 3000)
{
	struct plan plan = {.n_jobs = 3, .added = 10, .event = (enum event)(1 + weir_sim_choose(4, "event"))};
	plan.ordered = weir_sim_choose(2, "ordered");
	plan.moments = plan.event == LEAVE ? 3 : 24;
	go(ctx, two(ctx, NULL), plan);
	if (plan.event == CANCEL || plan.event == SCOPE_CANCEL)
		seen_made |= 1u << run.made;
	else if (plan.event == DRAIN)
		WEIR_SIM_EQ(run.n_bad, 0); /* what was accepted was done */
}

WEIR_SIM_TEST_WITH(helpers_and_every_event_saw_everything, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_made, 15);
}

/* ---- exact times ---- */

/* Two workers, each with a helper: four sleep at once. A job that fails, fails alone, and says where. */
WEIR_SIM_TEST_WITH(workers_and_helpers_at_once, .no_early = true, .schedules = 300)
{
	int64_t ns = WEIR_MS(10);
	go(ctx, two(ctx, &ns), (struct plan){.n_jobs = 4, .added = 10});
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(20));
	WEIR_SIM_EQ(run.n_bad, 1);
}

WEIR_SIM_TEST_WITH(a_failure_names_the_stage, .no_early = true, .schedules = 100)
{
	int64_t ns = WEIR_MS(10);
	weir_stage *st = weir_then(plus_stage(weir_ctx_rt(ctx), NULL), plus_stage(weir_ctx_rt(ctx), &ns));
	struct weir_pipeline_opts opts = {.stage = st, .job_timeout_ns = WEIR_MS(4)};
	struct line_result r;
	struct weir_err_info info;
	alive = 0;
	run = (struct run){.n_jobs = 1};
	weir_scope_init(&run.s, ctx);
	WEIR_SIM_EQ(line_start(&run.s, &opts, &run.jobs, &run.results, &run.p), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&run.s, "producer", produce, NULL), 0);
	WEIR_SIM_EQ(line_recv(ctx, run.results, &r), 1);
	WEIR_SIM_EQ(r.head.rc, WEIR_EDEADLINE); /* the time limit of the job reaches into the stage */
	WEIR_SIM_EQ(r.head.cause, WEIR_CAUSE_DEADLINE);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(4));
	WEIR_SIM_ASSERT(weir_err_as(&r.head.err, WEIR_EDEADLINE, &info));
	WEIR_SIM_EQ(strcmp(info.name, "plus"), 0);
	WEIR_SIM_EQ(info.index, 1);
	line_result_drop(&r);
	WEIR_SIM_EQ(line_recv(ctx, run.results, &r), 0);
	line_results_close(&run.results);
	WEIR_SIM_EQ(weir_scope_join(ctx, &run.s, 0, NULL), 0);
	weir_stage_free(&st);
	WEIR_SIM_EQ(alive, 0);
}

/* ---- a part of a value ---- */

/* A map that collects makes a part, which no result can hold: it is dropped, and the code says that it was. One
 * worker and the consumer, one preemption. */
WEIR_SIM_TEST_WITH(a_part_does_not_come_out, .strategy = "dfs1")
{
	int64_t none = 0;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stage *st = weir_map(plus_stage(rt, &none), &(struct weir_map_opts){.concurrency = 1, .collect = true});
	struct weir_pipeline_opts opts = {.stage = st, .job_buffer = 2};
	struct lists_result r;
	lists_jobs jobs = {0};
	lists_results results = {0};
	alive = 0;
	weir_scope_init(&run.s, ctx);
	WEIR_SIM_EQ(lists_start(&run.s, &opts, &jobs, &results, NULL), 0);
	for (int bad = 0; bad < 2; bad++) {
		struct lists_job job = {.head.id = (uint64_t)bad};
		WEIR_SIM_EQ(items_new(rt, 2, &job.in), 0);
		for (int i = 0; i < 2; i++) {
			struct item item = item_new(i == 1 && bad ? BAD : 5);
			WEIR_SIM_EQ(items_put(&job.in, (size_t)i, &item), 0);
		}
		WEIR_SIM_EQ(lists_send(ctx, jobs, &job), 0);
	}
	lists_jobs_close(&jobs);
	WEIR_SIM_EQ(lists_recv(ctx, results, &r), 1);
	WEIR_SIM_EQ(r.head.rc, 0);
	WEIR_SIM_EQ(items_at(&r.value, 1)->id, 15);
	lists_result_drop(&r);
	WEIR_SIM_EQ(lists_recv(ctx, results, &r), 1);
	WEIR_SIM_EQ(r.head.rc, WEIR_EINCOMPLETE);
	WEIR_SIM_ASSERT(weir_err_is(&r.head.err, WEIR_EPARTIAL));
	WEIR_SIM_ASSERT(weir_err_is(&r.head.err, WEIR_EUSER - 1));
	lists_result_drop(&r);
	lists_results_close(&results);
	WEIR_SIM_EQ(weir_scope_join(ctx, &run.s, 0, NULL), 0);
	weir_stage_free(&st);
	WEIR_SIM_EQ(alive, 0);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
