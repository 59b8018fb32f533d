/* SPDX-License-Identifier: MIT
 *
 * Scopes and pipelines: which error wins, what a cancelled scope still starts, in what order results come.
 *
 * Here the tasks are the programs' own, so on threads each run starts threads: they are what is raced. */
#include "contain.h"

#define USER(n) (WEIR_EUSER - (n))

/* ---- scopes ---- */

static int fail_after_look(weir_ctx *ctx, struct round *r, size_t i)
{
	contain_pause(r);
	r->rc[i][0] = weir_ctx_err(ctx);
	return USER((int)i);
}

static int fail_first(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	return fail_after_look(ctx, arg, 1);
}

static int fail_second(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	return fail_after_look(ctx, arg, 2);
}

/* Two tasks fail, and the block passes on what it saw. */
static int scope_errors(weir_ctx *ctx, struct round *r)
{
	weir_scope_init(&r->scope, ctx);
	int first = weir_scope_spawn(&r->scope, "first", fail_first, r);
	int second = weir_scope_spawn(&r->scope, "second", fail_second, r);
	contain_pause(r);
	r->rc[0][0] = weir_ctx_err(weir_scope_ctx(&r->scope));
	int rc = weir_scope_join(ctx, &r->scope, r->rc[0][0], NULL);
	contain_say(r, "%d %s %s, %s %s, block %s", WEIR_EUSER - rc, contain_code(first), contain_code(second),
		    contain_code(r->rc[1][0]), contain_code(r->rc[2][0]), contain_code(r->rc[0][0]));
	return 0;
}

static int cancel_scope(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct round *r = arg;
	(void)ctx, (void)err;
	contain_pause(r);
	weir_scope_cancel(&r->scope, "enough");
	return 0;
}

static int look_around(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct round *r = arg;
	(void)err;
	r->rc[1][0] = weir_ctx_err(ctx);
	return 0;
}

/* What a scope still starts while it is cancelled, and what the started see. */
static int spawn_cancel(weir_ctx *ctx, struct round *r)
{
	r->rc[1][0] = 9; /* never ran */
	weir_scope_init(&r->scope, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&r->scope, "cancel", cancel_scope, r), 0);
	contain_pause(r);
	r->rc[0][0] = weir_scope_spawn(&r->scope, "look", look_around, r);
	contain_pause(r);
	r->rc[0][1] = weir_ctx_err(weir_scope_ctx(&r->scope));
	int rc = weir_scope_join(ctx, &r->scope, 0, NULL);
	contain_say(r, "spawned %s, saw %s, block %s, join %s", contain_code(r->rc[0][0]), contain_code(r->rc[1][0]),
		    contain_code(r->rc[0][1]), contain_code(rc));
	return 0;
}

/* ---- pipelines ---- */

WEIR_TYPE_PLAIN(number, int);
WEIR_PIPELINE_DECLARE(line, number, number);

static int same(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	contain_pause(arg);
	*out = *in;
	return 0;
}
WEIR_HANDLER_DECLARE(same, number, number);

struct producer {
	line_jobs jobs;
	int sent;
};

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct producer *p = arg;
	(void)err;
	while (p->sent < 3 && line_send(ctx, p->jobs, &(struct line_job){.in = p->sent + 1}) == 0)
		p->sent++;
	line_jobs_close(&p->jobs);
	return 0;
}

static void start_line(struct round *r, weir_ctx *ctx, struct producer *p, line_results *results, weir_pipeline **run)
{
	struct weir_pipeline_opts opts = {.handler = same_handler,
					  .arg = r,
					  .workers = 2,
					  .ordered = (r->param & 1) != 0};
	weir_scope_init(&r->scope, ctx);
	WEIR_SIM_EQ(line_start(&r->scope, &opts, &p->jobs, results, run), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&r->scope, "produce", produce, p), 0);
}

/* The order of three results through two workers; param 1: in input order. */
static int pipeline_order(weir_ctx *ctx, struct round *r)
{
	struct producer p = {.sent = 0};
	struct line_result result;
	line_results results = {0};
	start_line(r, ctx, &p, &results, NULL);
	while (line_recv(ctx, results, &result) == 1) {
		contain_say(r, "%d", result.value);
		line_result_drop(&result);
	}
	line_results_close(&results);
	int rc = weir_scope_join(ctx, &r->scope, 0, NULL);
	contain_say(r, " sent %d join %s", p.sent, contain_code(rc));
	return 0;
}

/* The consumer leaves after one. */
static int pipeline_leave(weir_ctx *ctx, struct round *r)
{
	struct producer p = {.sent = 0};
	struct line_result result;
	line_results results = {0};
	start_line(r, ctx, &p, &results, NULL);
	WEIR_SIM_EQ(line_recv(ctx, results, &result), 1);
	contain_say(r, "%d", result.value);
	line_result_drop(&result);
	contain_pause(r);
	line_results_close(&results);
	int rc = weir_scope_join(ctx, &r->scope, 0, NULL);
	contain_say(r, " sent %d join %s", p.sent, contain_code(rc));
	return 0;
}

/* Intake is stopped after the first result: what was accepted comes out; param 2: and a report is taken in between. */
static int pipeline_drain(weir_ctx *ctx, struct round *r)
{
	struct producer p = {.sent = 0};
	struct line_result result;
	line_results results = {0};
	weir_pipeline *run;
	weir_pipeline_report report;
	start_line(r, ctx, &p, &results, &run);
	WEIR_SIM_EQ(line_recv(ctx, results, &result), 1);
	contain_say(r, "%d", result.value);
	line_result_drop(&result);
	contain_pause(r);
	weir_pipeline_drain(run);
	weir_pipeline_stats(run, &report);
	if (r->param == 2)
		contain_say(r, " (%d %d %d %d) ", (int)report.received, (int)report.succeeded, (int)report.emitted,
			    (int)report.running);
	while (line_recv(ctx, results, &result) == 1) {
		contain_say(r, "%d", result.value);
		line_result_drop(&result);
	}
	line_results_close(&results);
	int rc = weir_scope_join(ctx, &r->scope, 0, NULL);
	contain_say(r, " sent %d join %s", p.sent, contain_code(rc));
	return 0;
}

const struct contain_program contain_group[] = {
	{.name = "scope_errors", .fn = scope_errors},
	{.name = "spawn_cancel", .fn = spawn_cancel},
	{.name = "pipeline_order", .fn = pipeline_order, .large = true},
	{.name = "pipeline_leave", .fn = pipeline_leave, .large = true},
	{.name = "pipeline_drain", .fn = pipeline_drain, .large = true},
	{.name = "pipeline_report", .fn = pipeline_drain, .param = 2, .large = true},
	{.name = "mutant_ordered", .fn = pipeline_order, .sim_param = 1, .large = true, .mutant = true},
};
const size_t contain_n_group = sizeof(contain_group) / sizeof(contain_group[0]);
