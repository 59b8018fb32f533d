/* SPDX-License-Identifier: MIT
 *
 * Hedges whose delay is measured, at exact virtual times: when it is known, what counts as a sample, and that it stays
 * where it is although hedges hide how slow the slow calls are. The rules of hedges are in test_policy.c. */
#include <stdio.h>
#include <weir/resilience.h>
#include <weir/sim.h>
#include <weir/stage.h>

WEIR_TYPE_PLAIN(num, int);

#define BAD (WEIR_EUSER - 1)
#define TEN_MS 10485759 /* what a percentile says of 10 ms: the end of its class */

/* How long the attempts of the next call take, and whether they fail. */
static struct {
	int64_t ns[2];
	int rc[2];
	bool other_words; /* a cancel is told as BAD */
	uint32_t begun;
} next;

static int work(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	uint32_t attempt = next.begun++;
	(void)arg;
	WEIR_SIM_ASSERT(attempt < 2);
	int rc = weir_sleep(ctx, next.ns[attempt]);
	if (rc == 0 && next.rc[attempt])
		rc = weir_fail(err, next.rc[attempt], "as told");
	if (rc < 0 && next.other_words)
		rc = weir_err_wrap(err, BAD, 0);
	*out = *in + (int)attempt;
	return rc;
}
WEIR_STAGE_DECLARE(work, num, num);

static struct world {
	weir_latency measured;
	weir_scope s;
	weir_stage *st;
	weir_call *call;
} w;

static void open_world(weir_ctx *ctx, double percent, uint32_t min_samples)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	WEIR_SIM_EQ(weir_latency_init(&w.measured, rt, &(struct weir_latency_opts){.min_samples = min_samples}), 0);
	w.st = weir_hedge(work_stage(rt, NULL), &(struct weir_hedge_opts){.delay_ns = WEIR_FOREVER,
									  .measured = &w.measured,
									  .percent = percent});
	WEIR_SIM_EQ(weir_stage_check(w.st, NULL), 0);
	weir_scope_init(&w.s, ctx);
	WEIR_SIM_EQ(weir_call_new(&w.s, w.st, &w.call), 0);
}

static void close_world(weir_ctx *ctx)
{
	weir_call_free(&w.call);
	weir_stage_free(&w.st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &w.s, 0, NULL), 0);
	weir_latency_fini(&w.measured);
}

/* One call, its attempts as told: its code and how long it took. */
static int call(weir_ctx *ctx, int64_t first_ns, int64_t second_ns, int64_t *out_ns)
{
	int64_t from = weir_rt_now(weir_ctx_rt(ctx));
	int out;
	next.ns[0] = first_ns;
	next.ns[1] = second_ns;
	next.begun = 0;
	int rc = weir_call_process(ctx, w.call, &(int){1}, &out, NULL);
	*out_ns = weir_rt_now(weir_ctx_rt(ctx)) - from;
	return rc;
}

#define EXACT(test) WEIR_SIM_TEST_WITH(test, .no_early = true, .schedules = 20)

EXACT(known_after_enough_calls)
{
	int64_t took;
	open_world(ctx, 0, 10);
	for (int i = 0; i < 10; i++) { /* the delay is what the options say: never */
		WEIR_SIM_EQ(weir_latency_percentile(&w.measured, 95), -1);
		WEIR_SIM_EQ(call(ctx, WEIR_MS(10), 0, &took), 0);
		WEIR_SIM_EQ(took, WEIR_MS(10));
		WEIR_SIM_EQ(next.begun, 1);
	}
	WEIR_SIM_EQ(weir_latency_percentile(&w.measured, 95), TEN_MS);
	WEIR_SIM_EQ(call(ctx, WEIR_SEC(1), WEIR_MS(1), &took), 0);
	WEIR_SIM_EQ(took, TEN_MS + WEIR_MS(1));
	WEIR_SIM_EQ(next.begun, 2);
	WEIR_SIM_EQ(weir_latency_percentile(&w.measured, 100), 11534335); /* overtaken after that time: its class */
	close_world(ctx);
}

/* Failures and what the caller's end has cut short are no times of calls; nor are second attempts. */
EXACT(what_is_no_sample)
{
	int64_t took;
	weir_ctx own;
	open_world(ctx, 50, 2);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(call(ctx, WEIR_MS(10), 0, &took), 0);
	next.rc[0] = BAD;
	WEIR_SIM_EQ(call(ctx, WEIR_MS(1), WEIR_MS(2), &took), 0);
	WEIR_SIM_EQ(took, WEIR_MS(3)); /* at once after the failure */
	next.rc[0] = WEIR_EOPEN;       /* for good */
	WEIR_SIM_EQ(call(ctx, WEIR_MS(1), WEIR_MS(2), &took), WEIR_EOPEN);
	next.rc[0] = 0;
	weir_ctx_init(&own, ctx, weir_time_add(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(500)));
	WEIR_SIM_EQ(call(&own, WEIR_SEC(9), WEIR_SEC(9), &took), WEIR_EDEADLINE);
	weir_ctx_fini(&own);
	WEIR_SIM_EQ(weir_latency_percentile(&w.measured, 1), TEN_MS);
	WEIR_SIM_EQ(weir_latency_percentile(&w.measured, 100), TEN_MS);
	close_world(ctx);
}

/* An attempt that was overtaken and calls its end something else was slow all the same. */
EXACT(overtaken_in_other_words)
{
	int64_t took;
	open_world(ctx, 50, 2);
	for (int i = 0; i < 2; i++)
		WEIR_SIM_EQ(call(ctx, WEIR_MS(10), 0, &took), 0);
	next.other_words = true;
	WEIR_SIM_EQ(call(ctx, WEIR_SEC(1), WEIR_MS(1), &took), 0);
	next.other_words = false;
	WEIR_SIM_EQ(took, TEN_MS + WEIR_MS(1));
	WEIR_SIM_EQ(weir_latency_percentile(&w.measured, 100), 11534335);
	close_world(ctx);
}

/* Every tenth call is slow, and hedged. Were only what is finished counted, fewer and fewer calls would seem slow, and
 * the delay would sink until most calls are hedged. */
WEIR_SIM_TEST_WITH(the_delay_does_not_sink, .no_early = true, .schedules = 3, .steps = 200000)
{
	int64_t took;
	int hedged = 0;
	open_world(ctx, 85, 50);
	for (int i = 0; i < 600; i++) {
		WEIR_SIM_EQ(call(ctx, i % 10 == 9 ? WEIR_SEC(1) : WEIR_MS(10), WEIR_MS(1), &took), 0);
		hedged += next.begun == 2;
		if (i >= 50) {
			WEIR_SIM_EQ(weir_latency_percentile(&w.measured, 85), TEN_MS);
			WEIR_SIM_EQ(took, i % 10 == 9 ? TEN_MS + WEIR_MS(1) : WEIR_MS(10));
		}
	}
	WEIR_SIM_EQ(hedged, 55);
	close_world(ctx);
}

static bool first_won[2];

/* Both answer at the same time, in every order: one sample, whoever wins. */
WEIR_SIM_TEST_WITH(both_at_once, .strategy = "dfs2")
{
	weir_scope s;
	weir_call *c = NULL;
	int out = 0;
	WEIR_SIM_EQ(weir_latency_init(&w.measured, weir_ctx_rt(ctx), &(struct weir_latency_opts){.min_samples = 1}), 0);
	weir_stage *st = weir_hedge(work_stage(weir_ctx_rt(ctx), NULL),
				    &(struct weir_hedge_opts){.delay_ns = WEIR_HEDGE_AT_ONCE, .measured = &w.measured});
	next.ns[0] = next.ns[1] = WEIR_MS(10);
	next.begun = 0;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &c), 0);
	WEIR_SIM_EQ(weir_call_process(ctx, c, &(int){1}, &out, NULL), 0);
	first_won[out == 1] = true;
	WEIR_SIM_EQ(weir_latency_percentile(&w.measured, 1), TEN_MS);
	WEIR_SIM_EQ(weir_latency_percentile(&w.measured, 100), TEN_MS);
	weir_call_free(&c);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_latency_fini(&w.measured);
}

int main(int argc, char **argv)
{
	int status = weir_sim_main(argc, argv);
	if (argc == 1 && status == 0 && !(first_won[0] && first_won[1])) {
		fprintf(stderr, "a race ended one way only\n");
		status = 1;
	}
	return status;
}
