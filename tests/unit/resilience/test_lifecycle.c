/* SPDX-License-Identifier: MIT
 *
 * A stage inside of everything that treats failures is set up, reset, asked and closed like any other: once. */
#include <check.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

WEIR_TYPE_PLAIN(num, int);

static char told[16];
static size_t n_told;

static int tell(char what)
{
	ck_assert_uint_lt(n_told + 1, sizeof(told));
	told[n_told++] = what;
	return 0;
}

static int set_up(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return tell('s');
}

static int closed(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return tell('c');
}

static int reset(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return tell('r');
}

static int well(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	return tell('h');
}

static int same(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = *(const int *)in;
	return 0;
}

static int bury(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *arg)
{
	(void)ctx, (void)dead, (void)err, (void)arg;
	return 0;
}

static weir_breaker breaker;
static weir_bulkhead bulkhead;
static weir_bucket bucket;

/* Dead letter, timeout, retry, breaker, limiter, bulkhead, timeout; in it a fallback and a hedge. */
static weir_stage *in_everything(weir_rt *rt)
{
	static const int other = 7;
	const struct weir_retry_opts retry = {.max_attempts = 2};
	const struct weir_policy_opts policy = {.dead_letter = {.fn = bury},
						.total_timeout_ns = WEIR_SEC(60),
						.retry = &retry,
						.breaker = &breaker,
						.limiter = {.bucket = &bucket},
						.bulkhead = &bulkhead,
						.attempt_timeout_ns = WEIR_SEC(1)};
	weir_stage *st = weir_stage_new(rt, &(struct weir_stage_opts){.name = "inner",
								      .in = num_type(),
								      .out = num_type(),
								      .process = same,
								      .lifecycle = {set_up, closed, reset, well}});
	return weir_policy(weir_fallback(weir_hedge(st, NULL), &(struct weir_fallback_opts){.value = &other}), &policy);
}

static int run(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	char text[300];
	(void)arg;
	ck_assert_int_eq(weir_breaker_init(&breaker, ctx, NULL), 0);
	ck_assert_int_eq(weir_bulkhead_init(&bulkhead, ctx, NULL), 0);
	ck_assert_int_eq(weir_bucket_init(&bucket, rt, &(struct weir_bucket_opts){.tokens = 100, .burst = 10}), 0);
	weir_stage *st = in_everything(rt);
	int rc = weir_stage_check(st, err);
	weir_err_format(err, text, sizeof(text));
	ck_assert_msg(rc == 0, "%s", text);
	ck_assert_int_eq(weir_stage_setup(ctx, st, err), 0);
	ck_assert_int_eq(weir_stage_reset(ctx, st, err), 0);
	ck_assert_int_eq(weir_stage_health(ctx, st, err), 0);
	ck_assert_int_eq(weir_stage_close(ctx, st, err), 0);
	weir_stage_free(&st);
	weir_bucket_fini(&bucket);
	weir_bulkhead_fini(&bulkhead);
	weir_breaker_fini(&breaker);
	return 0;
}

START_TEST(the_lifecycle_reaches_the_child_of_everything)
{
	weir_rt *rt = NULL;
	weir_err err = {0};
	ck_assert_int_eq(weir_rt_threads_new(NULL, &rt), 0);
	ck_assert_int_eq(weir_rt_run(rt, run, NULL, &err), 0);
	weir_rt_free(&rt);
	ck_assert_str_eq(told, "srhc");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lifecycle");
	TCase *all = tcase_create("all");
	tcase_add_test(all, the_lifecycle_reaches_the_child_of_everything);
	suite_add_tcase(suite, all);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
