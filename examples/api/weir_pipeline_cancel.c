/* SPDX-License-Identifier: MIT
 *
 * weir_pipeline_cancel: ends a run whose handlers would take long; the jobs it had are accounted for. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_PIPELINE_DECLARE(sq, num, num);

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
	struct weir_pipeline_opts opts = {.handler = endless_handler, .job_buffer = 2};
	weir_scope_init(&s, ctx);
	CHECK(sq_start(&s, &opts, &jobs, &results, &p) == 0);
	for (int i = 0; i < 2; i++)
		CHECK(sq_send(ctx, jobs, &(struct sq_job){.in = i}) == 0);
	weir_pipeline_cancel(p, "nobody wants to know any more");
	CHECK(sq_recv(ctx, results, &r) == 0); /* the end: what was not handed over is dropped */
	weir_pipeline_stats(p, &report);
	CHECK(report.running == 0 && report.received + report.discarded <= 2);
	CHECK(report.received == report.canceled && report.emitted == 0);
	sq_jobs_close(&jobs);
	sq_results_close(&results);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0); /* what was asked for is no error */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
