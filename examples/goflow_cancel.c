/* SPDX-License-Identifier: MIT
 *
 * goflow_cancel - the second sample of a small Go pipeline, in C: a consumer that has enough after three results
 * cancels an endless run, and drains it to its end.
 *
 * The Go version keeps two promises only if its user thinks of them, and this one by itself:
 *   - The producer, which waits for ever to send the next job, is released: its send returns WEIR_EPIPE once the run is
 *     cancelled. No select, no second channel, no flag.
 *   - Nothing vanishes uncounted. Where each job went:
 *         sent        = received + discarded              discarded: sent, and no worker ever took it
 *         received    = succeeded + failed + canceled
 *         all three   = emitted + undelivered             undelivered: a result that came after the cancel
 *     and emitted is what the consumer saw. tests/sim/test_goflow.c runs this file in every order of events.
 * Exit status: 0 the run was cancelled and every job is accounted for. */
#include <inttypes.h>
#include <stdio.h>
#include <weir/weir.h>

WEIR_TYPE_PLAIN(num, int64_t);
WEIR_PIPELINE_DECLARE(flow, num, num);

struct sample {
	flow_jobs jobs;
	uint64_t sent, seen;
	int send_rc; /* what ended the producer */
	weir_pipeline_report sum;
};

static int twice(weir_ctx *ctx, const int64_t *in, int64_t *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = *in * 2;
	return 0;
}
WEIR_HANDLER_DECLARE(twice, num, num);

static int produce(weir_ctx *ctx, weir_err *err, struct sample *me)
{
	(void)err;
	for (int64_t i = 1; me->send_rc == 0; i++) {
		me->send_rc = flow_send(ctx, me->jobs, &(struct flow_job){.head.id = (uint64_t)i, .in = i});
		me->sent += me->send_rc == 0;
	}
	flow_jobs_close(&me->jobs);
	return me->send_rc == WEIR_EPIPE ? 0 : me->send_rc; /* nobody wants more: that is how it was meant to end */
}
WEIR_TASK_DECLARE(produce, struct sample);

/* Three results, cancel, and what was still on its way until the end. */
static int consume(weir_ctx *ctx, weir_pipeline *p, flow_results results, struct sample *me)
{
	struct flow_result r;
	int rc;
	while ((rc = flow_recv(ctx, results, &r)) > 0) {
		flow_result_drop(&r);
		if (++me->seen == 3)
			weir_pipeline_cancel(p, "three are enough");
	}
	if (rc == 0)
		weir_pipeline_stats(p, &me->sum); /* final: the last worker has gone */
	return rc;
}

static int run(weir_ctx *ctx, weir_err *err, struct sample *me)
{
	const struct weir_pipeline_opts opts = {.handler = twice_handler, .workers = 4, .job_buffer = 2};
	flow_results results = {0};
	weir_pipeline *p = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = flow_start(&s, &opts, &me->jobs, &results, &p);
	if (rc == 0)
		rc = produce_spawn(&s, me);
	if (rc == 0)
		rc = consume(ctx, p, results, me);
	flow_results_close(&results);
	rc = weir_scope_join(ctx, &s, rc, err); /* returns: nobody is left behind */
	flow_jobs_close(&me->jobs);
	return rc;
}

static bool adds_up(const struct sample *me)
{
	const weir_pipeline_report *r = &me->sum;
	uint64_t outcomes = r->succeeded + r->failed + r->canceled;
	return me->sent == r->received + r->discarded && r->received == outcomes &&
	       outcomes == r->emitted + r->undelivered && r->emitted == me->seen;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct sample me = {0};
	const weir_pipeline_report *r = &me.sum;
	(void)arg;
	int rc = run(ctx, err, &me);
	if (rc < 0)
		return rc;
	printf("producer: %s\n", weir_err_name(me.send_rc));
	printf("sent %" PRIu64 " = received %" PRIu64 " + discarded %" PRIu64 "\n", me.sent, r->received, r->discarded);
	printf("received %" PRIu64 " = succeeded %" PRIu64 " + failed %" PRIu64 " + canceled %" PRIu64 "\n",
	       r->received, r->succeeded, r->failed, r->canceled);
	printf("received %" PRIu64 " = emitted %" PRIu64 " + undelivered %" PRIu64 ", seen %" PRIu64 "\n", r->received,
	       r->emitted, r->undelivered, me.seen);
	return adds_up(&me) ? 0 : weir_fail(err, WEIR_EUSER - 1, "some jobs are not accounted for");
}

int main(void)
{
	return weir_main(app, NULL);
}
