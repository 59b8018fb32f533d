/* SPDX-License-Identifier: MIT
 *
 * weir_pipeline_stats: how a run is doing: in every snapshot, what was received is somewhere. */
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

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	sq_jobs jobs = {0};
	sq_results results = {0};
	struct sq_result r;
	weir_pipeline *p = NULL;
	weir_scope s;
	weir_pipeline_report now;
	(void)arg;
	struct weir_pipeline_opts opts = {.handler = square_handler, .workers = 2, .job_buffer = 8, .result_buffer = 8};
	weir_scope_init(&s, ctx);
	CHECK(sq_start(&s, &opts, &jobs, &results, &p) == 0);
	for (int i = 0; i < 8; i++) {
		CHECK(sq_send(ctx, jobs, &(struct sq_job){.in = i}) == 0);
		weir_pipeline_stats(p, &now);
		CHECK(now.received == now.succeeded + now.failed + now.canceled + now.running);
		CHECK(now.succeeded + now.failed + now.canceled == now.emitted + now.undelivered + now.finishing);
	}
	sq_jobs_close(&jobs);
	for (int i = 0; i < 8; i++)
		CHECK(sq_recv(ctx, results, &r) == 1);
	CHECK(sq_recv(ctx, results, &r) == 0);
	weir_pipeline_stats(p, &now);
	CHECK(now.succeeded == 8 && now.emitted == 8 && now.running == 0);
	sq_results_close(&results);
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
