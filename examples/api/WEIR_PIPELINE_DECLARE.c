/* SPDX-License-Identifier: MIT
 *
 * WEIR_PIPELINE_DECLARE: a pipeline whose jobs and results the compiler checks; here on a jobs channel of its own,
 * filled beforehand. */
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
	struct weir_pipeline_opts opts = {.handler = square_handler, .workers = 2, .result_buffer = 4, .ordered = true};
	sq_jobs jobs;
	sq_intake intake;
	sq_results results = {0};
	struct sq_result r;
	weir_scope s;
	int rc, next = 0;
	(void)arg;
	CHECK(sq_jobs_new(weir_ctx_rt(ctx), 4, &jobs, &intake) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(sq_send(ctx, jobs, &(struct sq_job){.head.id = (uint64_t)i, .in = i}) == 0);
	CHECK(sq_jobs_try_send(jobs, &(struct sq_job){.in = 3}) == 0);
	sq_jobs_close(&jobs);
	weir_scope_init(&s, ctx);
	CHECK(sq_attach(&s, &opts, &intake, &results, NULL) == 0);
	while ((rc = sq_recv(ctx, results, &r)) > 0) {
		CHECK(r.head.rc == 0 && r.value == next * next); /* in the order of the jobs */
		next++;
		sq_result_drop(&r);
	}
	sq_results_close(&results);
	CHECK(weir_scope_join(ctx, &s, rc, err) == 0 && next == 4);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
