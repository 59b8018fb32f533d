/* SPDX-License-Identifier: MIT
 *
 * WEIR_HANDLER_DECLARE: the handler of a pipeline, from a function with the types it really has; it fails for some
 * jobs. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);
WEIR_PIPELINE_DECLARE(halves, num, num);

static int half(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)arg;
	*out = *in / 2;
	return *in % 2 ? weir_fail(err, WEIR_EUSER, "%d is odd", *in) : weir_ctx_err(ctx);
}
WEIR_HANDLER_DECLARE(half, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_pipeline_opts opts = {.handler = half_handler, .job_buffer = 3, .result_buffer = 3};
	halves_jobs jobs = {0};
	halves_results results = {0};
	struct halves_result r;
	weir_scope s;
	int rc, odd = 0;
	(void)arg;
	weir_scope_init(&s, ctx);
	CHECK(halves_start(&s, &opts, &jobs, &results, NULL) == 0);
	for (int i = 1; i <= 3; i++)
		CHECK(halves_send(ctx, jobs, &(struct halves_job){.in = i}) == 0);
	halves_jobs_close(&jobs);
	while ((rc = halves_recv(ctx, results, &r)) > 0) {
		odd += weir_err_is(&r.head.err, WEIR_EUSER);
		CHECK(r.head.rc == WEIR_EUSER || r.value == 1); /* half of 2 */
		halves_result_drop(&r);
	}
	halves_results_close(&results);
	CHECK(weir_scope_join(ctx, &s, rc, err) == 0 && odd == 2); /* a job that fails ends nothing */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
