/* SPDX-License-Identifier: MIT
 *
 * The race detector on whole programs: memory that travels through pipelines, descriptors and functions that run at the
 * end of a context is handed over by weir at every step, so no schedule may call it a race; and the same program with
 * one hand-over left out must be found. What each single operation orders is in tests/unit/sim/test_race.c. */
#include <weir/sim.h>

#define JOBS 3

static int cells[JOBS]; /* cell i belongs to whoever has payload i */

static void touch(int i)
{
	WEIR_SIM_SET(cells[i], WEIR_SIM_GET(cells[i]) + 1);
}

static void drop_cell(int *i)
{
	touch(*i);
}

WEIR_TYPE_OWNED(pay, int, drop_cell);
WEIR_TYPE_OWNED(val, int, drop_cell);
WEIR_PIPELINE_DECLARE(pl, pay, val);

static int work(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	touch(*in);
	weir_rt_yield(weir_ctx_rt(ctx));
	touch(*in);
	*out = *in;
	return 0;
}
WEIR_HANDLER_DECLARE(work, pay, val);

static struct run {
	pl_jobs jobs;
	pl_results results;
	weir_pipeline *p;
	bool greedy; /* the producer touches a cell that it has sent */
} run;

static int produce(weir_ctx *ctx, weir_err *err, void *arg)
{
	int rc = 0;
	(void)err, (void)arg;
	for (int i = 0; i < JOBS && rc == 0; i++) {
		struct pl_job job = {.head = {.id = (uint64_t)i}, .in = i};
		touch(i);
		rc = pl_send(ctx, run.jobs, &job);
		if (rc < 0 || run.greedy)
			touch(i);
	}
	pl_jobs_close(&run.jobs);
	return 0;
}

static void take(weir_ctx *ctx, int most)
{
	struct pl_result r;
	for (int n = 0; n < most && pl_recv(ctx, run.results, &r) == 1; n++) {
		if (r.head.rc == 0)
			touch(r.value);
		weir_err_fini(&r.head.err);
	}
	pl_results_close(&run.results);
}

static void pipeline(weir_ctx *ctx, const struct weir_pipeline_opts *more, int most, bool cancels, bool greedy)
{
	struct weir_pipeline_opts opts = *more;
	weir_scope s;
	opts.handler = work_handler;
	opts.workers = 2;
	run = (struct run){.greedy = greedy};
	for (int i = 0; i < JOBS; i++)
		WEIR_SIM_SET(cells[i], 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(pl_start(&s, &opts, &run.jobs, &run.results, &run.p), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "producer", produce, NULL), 0);
	if (cancels)
		weir_pipeline_cancel(run.p, "enough");
	take(ctx, most);
	int rc = weir_scope_join(ctx, &s, 0, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ECANCELED);
	for (int i = 0; i < JOBS; i++)
		touch(i); /* all is over */
}

WEIR_SIM_TEST(unordered_pipeline)
{
	pipeline(ctx, &(struct weir_pipeline_opts){.job_buffer = 1}, JOBS, false, false);
}

WEIR_SIM_TEST(ordered_pipeline)
{
	pipeline(ctx, &(struct weir_pipeline_opts){.ordered = true, .result_buffer = 1}, JOBS, false, false);
}

WEIR_SIM_TEST(consumer_that_leaves)
{
	pipeline(ctx, &(struct weir_pipeline_opts){.job_buffer = 2, .result_buffer = 2}, 1, false, false);
}

WEIR_SIM_TEST(pipeline_that_is_cancelled)
{
	pipeline(ctx, &(struct weir_pipeline_opts){.job_buffer = 2}, JOBS, true, false);
}

/* ---- the end of a context ---- */

static int last_words;

static void speak(void *arg)
{
	(void)arg;
	WEIR_SIM_SET(last_words, WEIR_SIM_GET(last_words) + 1);
}

static int canceller(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	WEIR_SIM_SET(last_words, 1);
	weir_ctx_cancel(arg, "enough");
	return 0;
}

WEIR_SIM_TEST(function_at_the_end_of_a_context)
{
	weir_ctx other;
	weir_on_end handle;
	weir_scope s;
	WEIR_SIM_SET(last_words, 0);
	weir_ctx_init(&other, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_on_end(&s, &other, speak, NULL, &handle), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "canceller", canceller, &other), 0);
	if (weir_on_end_stop(&handle) == WEIR_ON_END_DONE)
		WEIR_SIM_EQ(WEIR_SIM_GET(last_words), 2);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT(WEIR_SIM_GET(last_words) >= 1);
	weir_ctx_fini(&other);
}

/* ---- descriptors ---- */

static int writer(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	touch(0);
	WEIR_SIM_EQ(weir_fd_write(ctx, *(weir_fd *)arg, "x", 1), 1);
	return 0;
}

WEIR_SIM_TEST(byte_through_a_pipe)
{
	weir_fd in, out;
	weir_scope s;
	char byte;
	WEIR_SIM_SET(cells[0], 0);
	WEIR_SIM_EQ(weir_sim_pipe("pipe", 1, &in, &out), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "writer", writer, &out), 0);
	WEIR_SIM_EQ(weir_fd_read(ctx, in, &byte, 1), 1);
	touch(0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_fd_close(weir_ctx_rt(ctx), &in);
	weir_fd_close(weir_ctx_rt(ctx), &out);
}

/* ---- a hand-over that is none ---- */

static int greedy_producer(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	pipeline(ctx, &(struct weir_pipeline_opts){.job_buffer = 1}, JOBS, false, true);
	return 0;
}

__attribute__((constructor)) static void register_planted(void)
{
	static struct weir_sim_test test = {.name = "greedy_producer", .fn = greedy_producer, .expect = WEIR_SIM_RACE};
	weir_sim_register(&test);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
