/* SPDX-License-Identifier: MIT
 *
 * goflow_basic - the first sample of a small Go pipeline, in C: jobs with ids, four workers, and a result for each job.
 *
 * The input of job i is i, and its result the square. Every fifth job fails; the last one would take an hour and has a
 * time limit of a millisecond, counted from its pick-up. Neither costs the others anything: what goes wrong with a job
 * is in its result, next to its id.
 *
 * What the Go version leaves to its user is kept here: the producer cannot be stranded, whoever leaves first, and
 * the counters add up: received = succeeded + failed + canceled, emitted is what was printed. squares.c is the same
 * in its shortest form, goflow_cancel.c stops early. Exit status: 0 every job has a result, good or bad; 1 something
 * else went wrong. */
#include <inttypes.h>
#include <stdio.h>
#include <weir/weir.h>

#define JOBS 12

WEIR_TYPE_PLAIN(num, int64_t);
WEIR_PIPELINE_DECLARE(flow, num, num); /* flow_jobs, flow_results, struct flow_job, struct flow_result */

static int square(weir_ctx *ctx, const int64_t *in, int64_t *out, weir_err *err, void *arg)
{
	(void)arg;
	if (*in == JOBS)
		return weir_sleep(ctx, WEIR_SEC(3600)); /* as any work that waits: it returns when its time is over */
	if (*in % 5 == 0)
		return weir_fail(err, WEIR_EUSER - 1, "%" PRId64 " is a multiple of five", *in);
	*out = *in * *in;
	return 0;
}
WEIR_HANDLER_DECLARE(square, num, num);

static int produce(weir_ctx *ctx, weir_err *err, flow_jobs *jobs)
{
	int rc = 0;
	(void)err;
	for (int64_t i = 1; i <= JOBS && rc == 0; i++) {
		struct flow_job job = {.head.id = (uint64_t)i, .in = i};
		job.head.timeout_ns = i == JOBS ? WEIR_MS(1) : 0; /* 0: none */
		rc = flow_send(ctx, *jobs, &job);
	}
	flow_jobs_close(jobs); /* whoever sends closes: the results end after the last one */
	return rc;
}
WEIR_TASK_DECLARE(produce, flow_jobs);

static void tell(const struct flow_result *r)
{
	char text[160];
	if (r->head.rc == 0) {
		printf("job %" PRIu64 ": %" PRId64 "\n", r->head.id, r->value);
	} else if (r->head.cause != WEIR_CAUSE_NONE) {
		printf("job %" PRIu64 ": canceled (%s)\n", r->head.id, weir_cause_name(r->head.cause));
	} else {
		weir_err_format(&r->head.err, text, sizeof(text));
		printf("job %" PRIu64 ": failed (%s)\n", r->head.id, text);
	}
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct weir_pipeline_opts opts = {.handler = square_handler, .workers = 4};
	flow_jobs jobs = {0};
	flow_results results = {0};
	weir_pipeline_report sum;
	struct flow_result r;
	weir_pipeline *p = NULL;
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	int rc = flow_start(&s, &opts, &jobs, &results, &p);
	if (rc == 0)
		rc = produce_spawn(&s, &jobs);
	while (rc >= 0 && (rc = flow_recv(ctx, results, &r)) > 0) {
		tell(&r);
		flow_result_drop(&r);
	}
	if (rc == 0) { /* the results have ended: these numbers are final */
		weir_pipeline_stats(p, &sum);
		printf("received %" PRIu64 " = succeeded %" PRIu64 " + failed %" PRIu64 " + canceled %" PRIu64
		       ", emitted %" PRIu64 "\n",
		       sum.received, sum.succeeded, sum.failed, sum.canceled, sum.emitted);
	}
	flow_results_close(&results); /* before the join: a reader that leaves releases workers and producer */
	rc = weir_scope_join(ctx, &s, rc, err);
	flow_jobs_close(&jobs); /* nothing, if the producer took it */
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}
