/* SPDX-License-Identifier: MIT
 *
 * weir_pipeline_drain: no more jobs, please: producers are told, and what was accepted is finished and delivered. */
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
	int n = 0, rc;
	(void)arg;
	struct weir_pipeline_opts opts = {.handler = square_handler, .job_buffer = 4, .result_buffer = 4};
	weir_scope_init(&s, ctx);
	CHECK(sq_start(&s, &opts, &jobs, &results, &p) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(sq_send(ctx, jobs, &(struct sq_job){.in = i}) == 0);
	weir_pipeline_drain(p);
	CHECK(sq_send(ctx, jobs, &(struct sq_job){.in = 3}) == WEIR_EPIPE);
	while ((rc = sq_recv(ctx, results, &r)) > 0) {
		n += r.head.rc == 0;
		sq_result_drop(&r);
	}
	CHECK(rc == 0 && n == 3); /* all that was accepted */
	sq_jobs_close(&jobs);
	sq_results_close(&results);
	weir_pipeline_drain(NULL); /* allowed */
	CHECK(weir_scope_join(ctx, &s, 0, err) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
