/* SPDX-License-Identifier: MIT
 *
 * Pipelines under every interleaving: the normal end, and the five ways to end early, at every point. A ledger follows
 * each payload and each value: a payload is dropped once by the pipeline or stays with its producer; a value that a
 * handler made is taken by the consumer or dropped once. The identities of pipeline.h are checked after every step, and
 * the account must be final when the consumer sees the end of the results.
 *
 * Most runs have two workers and three jobs. Bounds: "dfs1" is every schedule with at most one preemption, "dfs0" with
 * none, with the moment of the event a data choice of the scenario; the same scenarios run under the portfolio of 1000
 * schedules, with early timers in half of them. */
#include <string.h>
#include <weir/sim.h>

#define IDS 8

static struct ledger {
	int kept[IDS], in_dropped[IDS], made[IDS], taken[IDS], out_dropped[IDS];
	int order[IDS], n_order; /* of results */
	int code[IDS];
	enum weir_cause cause[IDS];
} led;

static void pay_free(int *id)
{
	led.in_dropped[*id]++;
}

static void value_free(int *id)
{
	led.out_dropped[*id]++;
}

WEIR_TYPE_OWNED(pay, int, pay_free);
WEIR_TYPE_OWNED(val, int, value_free);
WEIR_PIPELINE_DECLARE(pl, pay, val);

/* ---- a run ---- */

static struct run {
	pl_jobs jobs;
	pl_results results;
	weir_pipeline *p, *watched; /* watched: until the last worker has left; then the join may free it */
	weir_pipeline_report last;
	uint64_t most; /* jobs inside at once */
	size_t workers, window;
	int n_jobs, n_results; /* the producer sends so many; the consumer leaves after so many (-1: at the end) */
	int64_t timeout_ns;    /* of each job */
	int send_rc, recv_rc;
	bool saw_end;
	weir_pipeline_report at_end; /* as the consumer saw the results close */
	unsigned moment;
} run;

static int plain(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rt_yield(weir_ctx_rt(ctx));
	*out = *in;
	led.made[*in]++;
	return 0;
}
WEIR_HANDLER_DECLARE(plain, pay, val);

/* Works for two milliseconds unless it is told to stop. */
static int sleepy(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	int rc = weir_sleep(ctx, WEIR_MS(2));
	if (rc < 0)
		return rc;
	*out = *in;
	led.made[*in]++;
	return 0;
}
WEIR_HANDLER_DECLARE(sleepy, pay, val);

static bool identities(void *arg)
{
	weir_pipeline_report r, *last = &run.last;
	(void)arg;
	if (!run.watched)
		return true;
	weir_pipeline_stats(run.watched, &r);
	run.most = r.running + r.finishing > run.most ? r.running + r.finishing : run.most;
	uint64_t outcomes = r.succeeded + r.failed + r.canceled;
	bool ok = r.received == outcomes + r.running && outcomes == r.emitted + r.undelivered + r.finishing &&
		  r.running + r.finishing <= (run.window ? run.window : run.workers) && r.running <= run.workers &&
		  r.n_stuck <= r.running && r.workers_alive <= run.workers;
	ok = ok && r.received >= last->received && r.succeeded >= last->succeeded && r.failed >= last->failed &&
	     r.canceled >= last->canceled && r.emitted >= last->emitted && r.undelivered >= last->undelivered &&
	     r.discarded >= last->discarded && r.workers_alive <= last->workers_alive;
	*last = r;
	if (r.workers_alive == 0)
		run.watched = NULL;
	return ok;
}

static void open_run(weir_scope *s, weir_ctx *ctx, const struct weir_pipeline_opts *opts, int n_jobs, int n_results)
{
	led = (struct ledger){.n_order = 0};
	run = (struct run){.n_jobs = n_jobs, .n_results = n_results, .workers = opts->workers, .send_rc = 1};
	run.window = !opts->ordered ? 0 : opts->reorder_window ? opts->reorder_window : 2 * opts->workers;
	run.last.workers_alive = opts->workers;
	weir_scope_init(s, ctx);
	WEIR_SIM_EQ(pl_start(s, opts, &run.jobs, &run.results, &run.p), 0);
	run.watched = run.p;
	weir_sim_invariant(identities, NULL, "the identities of a pipeline's account");
}

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)err, (void)arg;
	for (int id = 0; id < run.n_jobs; id++) {
		struct pl_job job = {.head = {.id = (uint64_t)id, .timeout_ns = run.timeout_ns}, .in = id};
		if (rc == 0)
			rc = pl_send(ctx, run.jobs, &job);
		led.kept[id] += rc < 0;
	}
	run.send_rc = rc;
	pl_jobs_close(&run.jobs);
	return 0;
}

static void take_result(struct pl_result *r)
{
	int id = (int)r->head.id;
	WEIR_SIM_EQ(led.code[id], 0);
	led.code[id] = r->head.rc ? r->head.rc : 1;
	led.cause[id] = r->head.cause;
	led.order[led.n_order++] = id;
	if (r->head.rc == 0)
		led.taken[r->value]++;
	WEIR_SIM_EQ(r->head.err.code != 0, r->head.rc != 0);
	WEIR_SIM_EQ(r->head.why[0] != '\0', r->head.cause != WEIR_CAUSE_NONE);
	weir_err_fini(&r->head.err);
}

/* Receives until the end, or until it leaves; at the end the account is final. */
static void consume(weir_ctx *ctx)
{
	struct pl_result r;
	int rc = 1;
	while (led.n_order != run.n_results && (rc = pl_recv(ctx, run.results, &r)) == 1)
		take_result(&r);
	run.recv_rc = rc;
	if (rc == 0) {
		weir_pipeline_stats(run.p, &run.at_end);
		WEIR_SIM_EQ(run.at_end.running + run.at_end.finishing + run.at_end.n_stuck, 0);
		run.saw_end = true;
		WEIR_SIM_EQ(pl_recv(ctx, run.results, &r), 0); /* and stays closed */
	}
	pl_results_close(&run.results);
}

static int consumer(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	consume(ctx);
	return 0;
}

static void start(weir_scope *s, const char *name, weir_task_fn *fn)
{
	WEIR_SIM_EQ(weir_scope_spawn(s, name, fn, NULL), 0);
}

/* Closes what is left, waits for everybody, and checks the ledger. Returns what join said. */
static int settle(weir_ctx *ctx, weir_scope *s)
{
	int rc = weir_scope_join(ctx, s, 0, NULL);
	pl_jobs_close(&run.jobs);
	pl_results_close(&run.results);
	for (int id = 0; id < run.n_jobs; id++) {
		WEIR_SIM_EQ(led.kept[id] + led.in_dropped[id], 1);
		WEIR_SIM_EQ(led.taken[id] + led.out_dropped[id], led.made[id]);
		WEIR_SIM_ASSERT(led.made[id] <= 1);
	}
	if (run.saw_end) { /* the account was final when the results closed */
		WEIR_SIM_EQ(run.at_end.received, run.last.received);
		WEIR_SIM_EQ(run.at_end.emitted, run.last.emitted);
		WEIR_SIM_EQ(run.at_end.undelivered, run.last.undelivered);
		WEIR_SIM_EQ(run.at_end.discarded, run.last.discarded);
		WEIR_SIM_EQ(run.at_end.emitted, led.n_order);
	}
	return rc;
}

/* ---- normal end ---- */

static void normal_end(weir_ctx *ctx, bool ordered, size_t buffers)
{
	const struct weir_pipeline_opts opts = {.handler = plain_handler,
						.workers = 2,
						.ordered = ordered,
						.job_buffer = buffers,
						.result_buffer = buffers};
	weir_pipeline_report r;
	weir_scope s;
	open_run(&s, ctx, &opts, 3, -1);
	start(&s, "producer", produce);
	consume(ctx);
	weir_pipeline_stats(run.p, &r);
	WEIR_SIM_EQ(r.succeeded, 3);
	WEIR_SIM_EQ(r.received - r.emitted + r.undelivered + r.discarded, 0);
	WEIR_SIM_EQ(settle(ctx, &s), 0);
	for (int i = 0; i < 3; i++)
		WEIR_SIM_EQ(led.taken[i], 1);
	for (int i = 0; ordered && i < 3; i++)
		WEIR_SIM_EQ(led.order[i], i); /* one producer: input order is the order of ids */
	WEIR_SIM_EQ(run.send_rc, 0);
}

WEIR_SIM_TEST_WITH(normal_end_dfs, .strategy = "dfs1")
{
	normal_end(ctx, false, 0);
}

WEIR_SIM_TEST(normal_end_portfolio)
{
	normal_end(ctx, false, weir_sim_choose(3, "buffers"));
}

WEIR_SIM_TEST_WITH(normal_end_ordered_dfs, .strategy = "dfs1")
{
	normal_end(ctx, true, 0);
}

WEIR_SIM_TEST(normal_end_ordered_portfolio)
{
	normal_end(ctx, true, weir_sim_choose(3, "buffers"));
}

/* ---- the ways to end early, at every point ---- */

enum { CANCEL, SCOPE_CANCEL, DRAIN };

static int event_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	for (unsigned i = 0; i < run.moment; i++)
		weir_rt_yield(weir_ctx_rt(ctx));
	switch (*(const int *)arg) {
	case CANCEL:
		weir_pipeline_cancel(run.p, "that will do");
		break;
	case SCOPE_CANCEL:
		weir_scope_cancel(weir_scope_of(ctx), "all of it");
		break;
	default:
		weir_pipeline_drain(run.p);
	}
	return 0;
}

static unsigned seen_canceled, seen_undelivered, seen_discarded, seen_all;

static void event_at_every_point(weir_ctx *ctx, int event, unsigned moments, bool ordered, int n_jobs)
{
	struct weir_pipeline_opts opts = {.handler = plain_handler, .workers = 2, .ordered = ordered, .job_buffer = 1};
	weir_pipeline_report r;
	weir_scope s;
	opts.result_buffer = weir_sim_choose(2, "result buffer");
	open_run(&s, ctx, &opts, n_jobs, -1);
	run.moment = weir_sim_choose(moments, "moment");
	start(&s, "producer", produce);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "event", event_task, &event), 0);
	consume(ctx);
	WEIR_SIM_EQ(run.recv_rc, 0); /* the results close whatever happened */
	weir_pipeline_stats(run.p, &r);
	int rc = settle(ctx, &s);
	WEIR_SIM_EQ(rc, 0);
	if (event == DRAIN) { /* what was accepted was delivered */
		WEIR_SIM_EQ(r.undelivered + r.canceled, 0);
		WEIR_SIM_EQ(r.discarded, 0);
		for (int id = 0; id < n_jobs; id++)
			WEIR_SIM_EQ(led.kept[id] + led.taken[id], 1);
	}
	WEIR_SIM_ASSERT(run.send_rc == 0 || run.send_rc == WEIR_EPIPE ||
			(event == SCOPE_CANCEL && run.send_rc == WEIR_ECANCELED));
	seen_canceled |= r.received > r.succeeded;
	seen_undelivered |= r.undelivered > 0;
	seen_discarded |= r.discarded > 0;
	seen_all |= 1u << r.emitted;
}

WEIR_SIM_TEST_WITH(cancel_at_every_point_dfs, .strategy = "dfs1")
{
	event_at_every_point(ctx, CANCEL, 1, false, 2);
}

WEIR_SIM_TEST(cancel_at_every_point)
{
	event_at_every_point(ctx, CANCEL, 16, false, 3);
}

WEIR_SIM_TEST_WITH(cancel_at_every_point_saw_everything, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_undelivered + seen_discarded, 2);
	WEIR_SIM_EQ(seen_all, 15);     /* none, one, two or all three results came through */
	WEIR_SIM_EQ(seen_canceled, 0); /* this handler does not look at its context: late success is success */
}

WEIR_SIM_TEST(cancel_at_every_point_ordered)
{
	event_at_every_point(ctx, CANCEL, 16, true, 3);
}

WEIR_SIM_TEST(scope_cancel_at_every_point)
{
	event_at_every_point(ctx, SCOPE_CANCEL, 16, weir_sim_choose(2, "ordered"), 3);
}

WEIR_SIM_TEST_WITH(drain_at_every_point_dfs, .strategy = "dfs1")
{
	event_at_every_point(ctx, DRAIN, 1, false, 2);
}

WEIR_SIM_TEST(drain_at_every_point)
{
	event_at_every_point(ctx, DRAIN, 16, weir_sim_choose(2, "ordered"), 3);
}

/* The consumer leaves after none, one, ... of the results: the run is cancelled for it, and no producer is left
 * waiting. */
static void consumer_leaves(weir_ctx *ctx, bool ordered, unsigned most)
{
	struct weir_pipeline_opts opts = {.handler = plain_handler, .workers = 2, .ordered = ordered};
	weir_scope s;
	opts.job_buffer = weir_sim_choose(2, "job buffer");
	open_run(&s, ctx, &opts, (int)most, (int)weir_sim_choose(most, "results before it leaves"));
	start(&s, "producer", produce);
	consume(ctx);
	WEIR_SIM_EQ(run.recv_rc, 1);
	WEIR_SIM_EQ(settle(ctx, &s), 0); /* nobody hangs, nothing is lost */
	WEIR_SIM_ASSERT(run.send_rc == 0 || run.send_rc == WEIR_EPIPE);
}

WEIR_SIM_TEST_WITH(consumer_leaves_at_every_point_dfs, .strategy = "dfs1")
{
	consumer_leaves(ctx, false, 2);
}

WEIR_SIM_TEST(consumer_leaves_at_every_point)
{
	consumer_leaves(ctx, false, 4);
}

WEIR_SIM_TEST(consumer_leaves_at_every_point_ordered)
{
	consumer_leaves(ctx, true, 4);
}

/* What handlers learn of it: the run's context ended because of the consumer. */
static int until_cancelled(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)out, (void)err;
	if (*in == 0) {
		*out = 0;
		led.made[0]++;
		return 0;
	}
	int rc = weir_sleep(ctx, WEIR_SEC(9));
	*(enum weir_cause *)arg = weir_ctx_cause(ctx, NULL);
	const char *why = NULL;
	WEIR_SIM_EQ(weir_ctx_cause(ctx, &why), WEIR_CAUSE_PARENT);
	WEIR_SIM_ASSERT(strcmp(why, "nobody reads the results any more") == 0);
	return rc;
}
WEIR_HANDLER_DECLARE(until_cancelled, pay, val);

WEIR_SIM_TEST_WITH(cause_of_a_consumer_that_left, .strategy = "dfs1")
{
	enum weir_cause cause = WEIR_CAUSE_NONE;
	const struct weir_pipeline_opts opts = {.handler = until_cancelled_handler,
						.arg = &cause,
						.workers = 2,
						.job_buffer = 2};
	weir_pipeline_report r;
	weir_scope s;
	open_run(&s, ctx, &opts, 2, 0);
	for (int id = 1; id >= 0; id--) { /* the long job first */
		struct pl_job job = {.head.id = (uint64_t)id, .in = id};
		WEIR_SIM_EQ(pl_send(ctx, run.jobs, &job), 0);
	}
	weir_sim_quiesce(ctx); /* one is in its handler, the other waits for the consumer */
	consume(ctx);
	weir_sim_quiesce(ctx);
	weir_pipeline_stats(run.p, &r);
	WEIR_SIM_EQ(r.canceled, 1);
	WEIR_SIM_EQ(r.undelivered, 2);
	WEIR_SIM_EQ(cause, WEIR_CAUSE_PARENT);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0);
	WEIR_SIM_EQ(settle(ctx, &s), 0);
}

/* The producer leaves after 0 .. 3 jobs: those finish, the results close. */
WEIR_SIM_TEST_WITH(producer_leaves_at_every_point, .strategy = "dfs1")
{
	const struct weir_pipeline_opts opts = {.handler = plain_handler, .workers = 2};
	weir_scope s;
	open_run(&s, ctx, &opts, (int)weir_sim_choose(4, "jobs"), -1);
	start(&s, "producer", produce);
	consume(ctx);
	WEIR_SIM_EQ(led.n_order, run.n_jobs);
	WEIR_SIM_EQ(settle(ctx, &s), 0);
}

/* ---- stop: drain, then cancel at a deadline, then name ---- */

/* Two workers, four jobs of 2 ms: a grace of 3 ms is too short for all, a grace of 5 ms is not. */
static void stop_with(weir_ctx *ctx, int64_t grace_ns, int want)
{
	const struct weir_pipeline_opts opts = {.handler = sleepy_handler, .workers = 2, .job_buffer = 2};
	weir_pipeline_report r;
	weir_scope s;
	open_run(&s, ctx, &opts, 4, -1);
	start(&s, "producer", produce);
	start(&s, "consumer", consumer);
	weir_sim_quiesce(ctx); /* two are running, two are buffered */
	WEIR_SIM_EQ(weir_pipeline_stop(ctx, run.p, grace_ns, &r), want);
	WEIR_SIM_EQ(r.workers_alive + r.n_stuck + r.running, 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), want ? WEIR_MS(3) : WEIR_MS(4));
	WEIR_SIM_EQ(r.received, 4);
	WEIR_SIM_EQ(r.succeeded, want ? 2 : 4);
	WEIR_SIM_EQ(r.canceled, want ? 2 : 0);
	WEIR_SIM_EQ(r.undelivered, want ? 2 : 0);
	WEIR_SIM_EQ(settle(ctx, &s), 0);
	WEIR_SIM_EQ(led.n_order, want ? 2 : 4);
}

WEIR_SIM_TEST_WITH(stop_in_time, .strategy = "dfs0")
{
	stop_with(ctx, WEIR_MS(5), 0);
}

WEIR_SIM_TEST_WITH(stop_that_has_to_cancel, .strategy = "dfs1")
{
	stop_with(ctx, WEIR_MS(3), WEIR_ECANCELED);
}

/* Does not look at its context at all. */
static int deaf(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	weir_ctx shield;
	(void)err, (void)arg;
	weir_ctx_init_shield(&shield, ctx, WEIR_SEC(60));
	int rc = *in == 0 ? 0 : weir_sleep(&shield, WEIR_SEC(1));
	weir_ctx_fini(&shield);
	if (rc == 0) {
		*out = *in;
		led.made[*in]++;
	}
	return rc;
}
WEIR_HANDLER_DECLARE(deaf, pay, val);

/* Job 1 will not stop: it is named, with its worker and since when; the join still waits for it, and its late success
 * is a success, though nobody gets the value. */
WEIR_SIM_TEST_WITH(stop_names_who_is_deaf, .strategy = "dfs1")
{
	const struct weir_pipeline_opts opts = {.handler = deaf_handler, .workers = 2};
	weir_pipeline_report r;
	weir_scope s;
	open_run(&s, ctx, &opts, 2, -1);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(1)), 0);
	start(&s, "producer", produce);
	start(&s, "consumer", consumer);
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(weir_pipeline_stop(ctx, run.p, WEIR_MS(10), &r), WEIR_ETIMEOUT);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(21));
	WEIR_SIM_EQ(r.workers_alive, 1);
	WEIR_SIM_EQ(r.n_stuck, 1);
	WEIR_SIM_EQ(r.stuck[0].job, 1);
	WEIR_SIM_ASSERT(r.stuck[0].worker < 2);
	WEIR_SIM_EQ(r.stuck[0].since_at, WEIR_MS(1));
	WEIR_SIM_EQ(r.running, 1);
	WEIR_SIM_EQ(settle(ctx, &s), 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_SEC(1) + WEIR_MS(1));
	WEIR_SIM_EQ(led.out_dropped[1], 1);
	WEIR_SIM_EQ(led.taken[0], 1);
}

/* The stopper's own context ends first: the run is cancelled, and stop says why it came back. Two stop at once. */
static struct stopper {
	weir_ctx ctx;
	int rc;
} stoppers[2];

static int stopper(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct stopper *st = arg;
	(void)ctx, (void)err;
	st->rc = weir_pipeline_stop(&st->ctx, run.p, WEIR_MS(3), NULL);
	return 0;
}

WEIR_SIM_TEST_WITH(two_stoppers, .strategy = "dfs1")
{
	const struct weir_pipeline_opts opts = {.handler = sleepy_handler, .workers = 1, .job_buffer = 3};
	weir_scope s;
	open_run(&s, ctx, &opts, 3, -1);
	weir_ctx_init(&stoppers[0].ctx, ctx, WEIR_MS(1));
	weir_ctx_init(&stoppers[1].ctx, ctx, WEIR_FOREVER);
	start(&s, "producer", produce);
	start(&s, "consumer", consumer);
	weir_sim_quiesce(ctx);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(weir_scope_spawn(&s, "stopper", stopper, &stoppers[i]), 0);
	weir_scope *scope = &s;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(9)), 0);
	WEIR_SIM_EQ(stoppers[0].rc, WEIR_EDEADLINE);
	WEIR_SIM_EQ(stoppers[1].rc, 0); /* within its first grace: the other one cancelled */
	WEIR_SIM_EQ(run.last.workers_alive, 0);
	WEIR_SIM_EQ(run.last.canceled, 1);
	WEIR_SIM_EQ(run.last.discarded, 2);
	WEIR_SIM_EQ(settle(ctx, scope), 0);
	weir_ctx_fini(&stoppers[0].ctx);
	weir_ctx_fini(&stoppers[1].ctx);
}

/* ---- time limits of jobs ---- */

static unsigned seen_timeout;

static int tick_at_three(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	return weir_sleep(ctx, WEIR_MS(3));
}

/* A job of 2 ms with a limit of 3 ms: it is late where time moves on to the other task's timer before it has run. A
 * value or a code, never both, and a cause with the code. */
WEIR_SIM_TEST_WITH(job_timeout_against_completion, .strategy = "dfs1", .early = 1)
{
	const struct weir_pipeline_opts opts = {.handler = sleepy_handler, .workers = 1};
	weir_pipeline_report r;
	weir_scope s;
	open_run(&s, ctx, &opts, 2, -1);
	run.timeout_ns = WEIR_MS(3);
	start(&s, "producer", produce);
	start(&s, "ticker", tick_at_three);
	consume(ctx);
	weir_pipeline_stats(run.p, &r);
	WEIR_SIM_EQ(r.emitted, 2);
	for (int id = 0; id < 2; id++) {
		WEIR_SIM_ASSERT(led.code[id] == 1 || led.code[id] == WEIR_EDEADLINE);
		WEIR_SIM_EQ(led.made[id], led.code[id] == 1);
		WEIR_SIM_EQ(led.cause[id], led.code[id] == 1 ? WEIR_CAUSE_NONE : WEIR_CAUSE_DEADLINE);
		seen_timeout |= led.code[id] == 1 ? 1 : 2;
	}
	WEIR_SIM_EQ(settle(ctx, &s), 0);
}

WEIR_SIM_TEST_WITH(job_timeout_against_completion_saw_both, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_timeout, 3);
}

/* The limit is counted from pick-up, one job's says nothing about the next, and the run's default is only a default. */
WEIR_SIM_TEST_WITH(limits_of_jobs, .strategy = "dfs0", .no_early = true)
{
	static const int64_t limits[] = {WEIR_MS(1), 0, WEIR_MS(9), -1};
	const struct weir_pipeline_opts opts = {.handler = sleepy_handler,
						.workers = 1,
						.job_buffer = 4,
						.job_timeout_ns = WEIR_US(1500)};
	struct pl_result r;
	weir_scope s;
	open_run(&s, ctx, &opts, 4, -1);
	for (int id = 0; id < 4; id++) {
		struct pl_job job = {.head = {.id = (uint64_t)id, .timeout_ns = limits[id]}, .in = id};
		WEIR_SIM_EQ(pl_send(ctx, run.jobs, &job), 0);
	}
	pl_jobs_close(&run.jobs);
	static const int64_t at[] = {WEIR_US(1000), WEIR_US(2500), WEIR_US(4500), WEIR_US(6000)};
	for (int id = 0; id < 4; id++) {
		WEIR_SIM_EQ(pl_recv(ctx, run.results, &r), 1);
		take_result(&r);
		WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), at[id]);
		WEIR_SIM_EQ(led.code[id], id == 2 ? 1 : WEIR_EDEADLINE);
	}
	consume(ctx);
	WEIR_SIM_EQ(settle(ctx, &s), 0);
}

/* ---- order ---- */

/* The first job is the slowest. With a window of two, the third is not picked up before the first has left. */
static int slow_first(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	int rc = weir_sleep(ctx, *in == 0 ? WEIR_MS(9) : WEIR_MS(1));
	if (rc < 0)
		return rc;
	*out = *in;
	led.made[*in]++;
	return 0;
}
WEIR_HANDLER_DECLARE(slow_first, pay, val);

static void ordered_window(weir_ctx *ctx, size_t window, unsigned want_most)
{
	const struct weir_pipeline_opts opts = {.handler = slow_first_handler,
						.workers = 2,
						.ordered = true,
						.reorder_window = window,
						.job_buffer = 6,
						.result_buffer = 6};
	weir_scope s;
	open_run(&s, ctx, &opts, 6, -1);
	start(&s, "producer", produce);
	consume(ctx);
	for (int i = 0; i < 6; i++)
		WEIR_SIM_EQ(led.order[i], i);
	WEIR_SIM_EQ(run.most, want_most); /* the bound, and reached: the invariant saw every step */
	WEIR_SIM_EQ(settle(ctx, &s), 0);
}

/* Exact without early timers: while job 0 sleeps for 9 ms, jobs 1, 2, 3 finish as far as the window lets them. */
WEIR_SIM_TEST_WITH(window_of_two, .no_early = true, .schedules = 300)
{
	ordered_window(ctx, 2, 2);
}

WEIR_SIM_TEST_WITH(window_of_three, .no_early = true, .schedules = 300)
{
	ordered_window(ctx, 3, 3);
}

WEIR_SIM_TEST_WITH(window_of_four_by_default, .no_early = true, .schedules = 300)
{
	ordered_window(ctx, 0, 4);
}

/* A window of one is one job at a time. */
WEIR_SIM_TEST_WITH(window_of_one, .schedules = 300)
{
	ordered_window(ctx, 1, 1);
}

/* ---- what handlers return ---- */

static int by_id(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	switch (*in) {
	case 0:
		*out = 0;
		led.made[0]++;
		return weir_fail(err, WEIR_EIO, "written, then not returned") == WEIR_EIO ? 0 : 1;
	case 1:
		return weir_fail(err, WEIR_EUSER - 7, "refused");
	case 2:
		return WEIR_EUSER - 8; /* without detail */
	case 3:
		return WEIR_ECANCELED; /* made up: no context ended */
	case 4:
		return WEIR_EDEADLINE;
	default:
		return 5;
	}
}
WEIR_HANDLER_DECLARE(by_id, pay, val);

WEIR_SIM_TEST_WITH(kinds_of_handler_errors, .strategy = "dfs0")
{
	static const int want[] = {1, WEIR_EUSER - 7, WEIR_EUSER - 8, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EINVAL};
	const struct weir_pipeline_opts opts = {.handler = by_id_handler, .workers = 1};
	weir_pipeline_report r;
	weir_scope s;
	open_run(&s, ctx, &opts, 6, -1);
	start(&s, "producer", produce);
	consume(ctx);
	weir_pipeline_stats(run.p, &r);
	WEIR_SIM_EQ(r.succeeded, 1);
	WEIR_SIM_EQ(r.failed, 5);
	WEIR_SIM_EQ(r.canceled, 0);
	for (int id = 0; id < 6; id++) {
		WEIR_SIM_EQ(led.code[id], want[id]);
		WEIR_SIM_EQ(led.cause[id], WEIR_CAUSE_NONE);
	}
	WEIR_SIM_EQ(settle(ctx, &s), 0);
}

/* ---- attach ---- */

/* The caller's channel has another receiver: the run leaves it and does not shut it, and what it had taken is counted;
 * the rest is the caller's. */
WEIR_SIM_TEST_WITH(attach_and_leave, .strategy = "dfs1")
{
	const struct weir_pipeline_opts opts = {.handler = plain_handler, .workers = 2};
	pl_intake intake = {NULL};
	weir_rx *mine = NULL;
	weir_pipeline_report r;
	struct pl_job job;
	weir_scope s;
	led = (struct ledger){.n_order = 0};
	run = (struct run){.n_jobs = 3, .n_results = 1, .workers = 2, .last.workers_alive = 2};
	WEIR_SIM_EQ(pl_jobs_new(weir_ctx_rt(ctx), 3, &run.jobs, &intake), 0);
	WEIR_SIM_EQ(weir_rx_clone(intake.end, 1, &mine), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(pl_attach(&s, &opts, &intake, &run.results, &run.p), 0);
	run.watched = run.p;
	WEIR_SIM_ASSERT(intake.end == NULL);
	weir_sim_invariant(identities, NULL, "the identities of a pipeline's account");
	start(&s, "producer", produce);
	consume(ctx); /* one result, then the consumer leaves */
	weir_pipeline_cancel(run.p, "done");
	int left = 0, rc;
	while ((rc = weir_rx_recv(ctx, mine, &job)) == 1) {
		left++;
		pay_free(&job.in);
	}
	WEIR_SIM_EQ(rc, 0);
	weir_sim_quiesce(ctx);
	weir_pipeline_stats(run.p, &r);
	WEIR_SIM_EQ(r.received + (uint64_t)left, 3);
	WEIR_SIM_EQ(r.discarded, 0);
	WEIR_SIM_EQ(r.workers_alive, 0);
	weir_rx_close(&mine);
	WEIR_SIM_EQ(run.send_rc, 0); /* the producer never noticed */
	WEIR_SIM_EQ(settle(ctx, &s), 0);
}

/* ---- the end of the run, while a handler is held ---- */

static struct {
	weir_sem go; /* lets the handler return */
	weir_ctx *ctx;
} held;

/* Hears of nothing but `go`. */
static int held_job(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	WEIR_SIM_EQ(weir_sem_acquire(held.ctx, &held.go, 1), 0);
	*out = *in;
	led.made[*in]++;
	return 0;
}
WEIR_HANDLER_DECLARE(held_job, pay, val);

/* L4: the scope ends. One worker is busy for as long as the producer does not let it go; the producer, whose context
 * goes on, waits for room. The other worker stops the intake when it leaves, so the producer is told. */
WEIR_SIM_TEST_WITH(intake_stops_though_a_worker_is_busy, .strategy = "dfs1")
{
	const struct weir_pipeline_opts opts = {.handler = held_job_handler, .workers = 2, .result_buffer = 1};
	struct pl_job job = {.in = 0};
	weir_scope s;
	held.ctx = ctx;
	weir_sem_init(&held.go, weir_ctx_rt(ctx), 0);
	open_run(&s, ctx, &opts, 2, -1);
	WEIR_SIM_EQ(pl_send(ctx, run.jobs, &job), 0);
	weir_sim_quiesce(ctx);
	weir_scope_cancel(&s, "over");
	job = (struct pl_job){.head.id = 1, .in = 1};
	WEIR_SIM_EQ(pl_send(ctx, run.jobs, &job), WEIR_EPIPE);
	led.kept[1]++;
	weir_sem_release(&held.go, 1);
	WEIR_SIM_EQ(settle(ctx, &s), 0);
	weir_sem_fini(&held.go);
}

/* ---- arguments ---- */

WEIR_SIM_TEST_WITH(arguments_of_start, .allow_no_decisions = true, .schedules = 2)
{
	struct weir_pipeline_opts opts = {.handler = plain_handler};
	weir_pipeline *p = NULL;
	pl_intake none = {NULL};
	pl_jobs jobs = {NULL};
	pl_results results = {NULL};
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(pl_start(&s, NULL, &jobs, &results, &p), WEIR_EINVAL);
	opts.handler = NULL;
	WEIR_SIM_EQ(pl_start(&s, &opts, &jobs, &results, &p), WEIR_EINVAL);
	opts.handler = plain_handler;
	WEIR_SIM_EQ(pl_attach(&s, &opts, &none, &results, &p), WEIR_EBADF);
	opts.workers = SIZE_MAX;
	WEIR_SIM_EQ(pl_start(&s, &opts, &jobs, &results, &p), WEIR_EINVAL);
	opts.workers = 1;
	weir_scope_cancel(&s, "over");
	WEIR_SIM_EQ(pl_start(&s, &opts, &jobs, &results, &p), WEIR_ECANCELED);
	WEIR_SIM_ASSERT(!jobs.end && !results.end && !p);
	WEIR_SIM_EQ(weir_pipeline_stop(ctx, NULL, 0, NULL), WEIR_EINVAL);
	weir_pipeline_drain(NULL);
	weir_pipeline_cancel(NULL, NULL);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_EQ(pl_start(&s, &opts, &jobs, &results, &p), WEIR_EINVAL); /* a scope that is over */
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
