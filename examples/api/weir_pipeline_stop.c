/* SPDX-License-Identifier: MIT
 *
 * weir_pipeline_stop: drain, and after a time of grace cancel: what a server does when it is told to end. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_PIPELINE_DECLARE(sq, num, num);

static int square(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*out = *in * *in;
	return weir_ctx_err(ctx);
}
WEIR_HANDLER_DECLARE(square, num, num);

static int endless(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)in, (void)out, (void)err, (void)arg;
	return weir_sleep(ctx, WEIR_SEC(3600));
}
WEIR_HANDLER_DECLARE(endless, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	sq_jobs jobs = {0};
	sq_results results = {0};
	struct sq_result r;
	weir_pipeline *p = NULL;
	weir_scope s;
	weir_pipeline_report report;
	(void)arg;
	struct weir_pipeline_opts opts = {.handler = square_handler, .job_buffer = 1, .result_buffer = 1};
	weir_scope_init(&s, ctx);
	CHECK(sq_start(&s, &opts, &jobs, &results, &p) == 0);
	CHECK(sq_send(ctx, jobs, &(struct sq_job){.in = 3}) == 0);
	CHECK(weir_pipeline_stop(ctx, p, WEIR_SEC(10), &report) == 0); /* in time */
	CHECK(report.succeeded == 1 && report.n_stuck == 0);
	CHECK(sq_recv(ctx, results, &r) == 1 && r.value == 9);
	sq_jobs_close(&jobs);
	sq_results_close(&results);
	opts.handler = endless_handler;
	CHECK(sq_start(&s, &opts, &jobs, &results, &p) == 0);
	CHECK(sq_send(ctx, jobs, &(struct sq_job){.in = 0}) == 0);
	CHECK(weir_pipeline_stop(ctx, p, 0, NULL) < 0); /* no grace: cancelled */
	sq_jobs_close(&jobs);
	sq_results_close(&results);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
