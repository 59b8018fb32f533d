/* SPDX-License-Identifier: MIT
 *
 * squares - the program of README.md, word for word: 100 numbers in, four workers, 100 squares out.
 *
 * Results come in the order in which the workers finish them (.ordered = true would keep the order of the jobs). What
 * keeps it from hanging or leaking, whatever fails:
 *   - the producer closes its end when it is done, which ends the results after the last one;
 *   - the reader closes its end before the join, which releases workers and producer if it leaves early;
 *   - the join returns the first error of anybody, after everybody is gone.
 * README.md shows everything below this comment; tests/examples/readme.sh compares them. */
#include <stdio.h>
#include <weir/weir.h>
WEIR_TYPE_PLAIN(num, int);
WEIR_PIPELINE_DECLARE(sq, num, num); /* sq_jobs, sq_results, struct sq_job, struct sq_result */

static int square(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = *in * *in;
	return 0;
}
WEIR_HANDLER_DECLARE(square, num, num);

static int produce(weir_ctx *ctx, weir_err *err, void *jobs)
{
	int rc = 0;
	(void)err;
	for (int i = 0; i < 100 && rc == 0; i++)
		rc = sq_send(ctx, *(sq_jobs *)jobs, &(struct sq_job){.in = i});
	sq_jobs_close(jobs); /* through the pointer: the caller's copy becomes NULL */
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct sq_result r;
	sq_jobs jobs = {0};
	sq_results results = {0};
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	int rc = sq_start(&s, &(struct weir_pipeline_opts){.handler = square_handler, .workers = 4}, &jobs, &results,
			  NULL);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "produce", produce, &jobs);
	while (rc >= 0 && (rc = sq_recv(ctx, results, &r)) > 0) { /* 1 item, 0 end, < 0 error */
		if (r.head.rc == 0)
			printf("%d\n", r.value);
		sq_result_drop(&r);
	}
	sq_results_close(&results);             /* before join: a reader that leaves releases the workers */
	rc = weir_scope_join(ctx, &s, rc, err); /* rc < 0 cancels the rest, then waits */
	sq_jobs_close(&jobs);                   /* no-op if the producer took it */
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}
