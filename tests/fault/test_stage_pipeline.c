/* SPDX-License-Identifier: MIT
 *
 * Every allocation and every spawn that a pipeline with a stage makes fails once, under 20 schedules each: the calls of
 * its workers and their helpers too. Then nothing is started: outputs are untouched, no function was called, the stage
 * has no call and can be freed as soon as the scope is joined. Or, where it was started, all jobs come out, with
 * WEIR_ENOMEM where the memory of a value is what failed. The simulator counts tasks and memory, `alive` the values. A
 * probe is attached: whatever fails, each span that it heard the start of has its end. */
#include <weir/sim.h>
#include <weir/stage.h>

#include "kit.h"

static int alive, called;

static void item_free(int *item)
{
	(void)item;
	alive--;
}

WEIR_TYPE_OWNED(item, int, item_free);
WEIR_ARRAY_DECLARE(items, item);
WEIR_PIPELINE_DECLARE(line, item, items);

static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rt_yield(weir_ctx_rt(ctx));
	called++;
	*out = *in + 1;
	alive++;
	return 0;
}
WEIR_STAGE_DECLARE(plus, item, item);

static int open_spans;

static void count_spans(const struct weir_probe_event *event, void *arg)
{
	(void)arg;
	switch (event->kind) {
	case WEIR_PROBE_PIPELINE_STARTED:
	case WEIR_PROBE_JOB_STARTED:
	case WEIR_PROBE_STAGE_STARTED:
		open_spans++;
		break;
	case WEIR_PROBE_PIPELINE_DONE:
	case WEIR_PROBE_JOB_DONE:
	case WEIR_PROBE_JOB_FAILED:
	case WEIR_PROBE_STAGE_DONE:
	case WEIR_PROBE_STAGE_FAILED:
		open_spans--;
		break;
	default:
		WEIR_SIM_EQ(event->kind, WEIR_PROBE_FAN_OUT);
	}
}

static bool told(int rc)
{
	return rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN;
}

/* Two jobs, in and out: how many came out without a value. */
static int two_jobs(weir_ctx *ctx, line_jobs *jobs, line_results *results)
{
	struct line_result r;
	int failed = 0;
	for (int i = 0; i < 2; i++) {
		WEIR_SIM_EQ(line_send(ctx, *jobs, &(struct line_job){.in = i}), 0);
		alive++;
	}
	line_jobs_close(jobs);
	for (int i = 0; i < 2; i++) {
		WEIR_SIM_EQ(line_recv(ctx, *results, &r), 1);
		WEIR_SIM_ASSERT(r.head.rc == 0 || r.head.rc == WEIR_ENOMEM);
		failed += r.head.rc < 0;
		line_result_drop(&r);
	}
	WEIR_SIM_EQ(line_recv(ctx, *results, &r), 0);
	line_results_close(results);
	return failed;
}

static int run_stage(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_probe probe = {.fn = count_spans};
	WEIR_SIM_EQ(weir_probe_attach(rt, &probe), 0);
	weir_stage *const two[] = {plus_stage(rt, NULL), plus_stage(rt, NULL)};
	weir_stage *st = weir_fan_out(two, 2, 0);
	struct weir_pipeline_opts opts = {.stage = st, .workers = 2, .job_buffer = 2, .result_buffer = 2};
	line_jobs jobs = {0};
	line_results results = {0};
	weir_scope s;
	int failed = 0;
	(void)arg;
	alive = called = open_spans = 0;
	weir_scope_init(&s, ctx);
	int rc = weir_stage_check(st, NULL);
	if (rc == 0) {
		rc = line_start(&s, &opts, &jobs, &results, NULL);
		WEIR_SIM_EQ(jobs.end != NULL, rc == 0);
		WEIR_SIM_EQ(results.end != NULL, rc == 0);
		if (rc == 0)
			failed = two_jobs(ctx, &jobs, &results);
	}
	WEIR_SIM_ASSERT(told(rc) && failed <= 1);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, err), 0);
	weir_stage_free(&st);
	WEIR_SIM_EQ(alive, 0);
	WEIR_SIM_EQ(open_spans, 0);
	WEIR_SIM_ASSERT((rc == 0) == (called > 0));
	return rc < 0 ? rc : failed ? WEIR_ENOMEM : 0;
}

static const struct fault_test tests[] = {
	/* 3 stages; jobs, run, stats, results and the 2 x 2 handles; 2 calls with a helper each; 2 workers; each task
	 * and its record; 2 values with their shelves */
	{"stage_in_a_pipeline", run_stage, 3 + 4 + 4 + 2 + 2 * (2 + 2) + 2 + 2, false},
};

int main(void)
{
	return FAULT_MAIN(tests, .schedules = 20);
}
