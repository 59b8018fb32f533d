/* SPDX-License-Identifier: MIT
 *
 * The simulator from somebody else's test framework: weir_sim_run is a plain function, with the failure in a struct
 * instead of on stderr. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

struct pair {
	weir_tx *tx;
	weir_rx *rx;
	bool forget; /* to close the sending end */
};

static int send_one(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct pair *p = arg;
	int value = 7, rc = weir_tx_send(ctx, p->tx, &value);
	(void)err;
	if (!p->forget)
		weir_tx_close(&p->tx);
	return rc;
}

/* A task sends one number; the scenario reads until the end. */
static int scenario(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct pair p = {.forget = *(bool *)arg};
	weir_scope s;
	int value, n = 0, rc = weir_chan_new(weir_ctx_rt(ctx), &number, 0, &p.tx, &p.rx);
	weir_scope_init(&s, ctx);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "sender", send_one, &p);
	while (rc >= 0 && (rc = weir_rx_recv(ctx, p.rx, &value)) == 1)
		n += value;
	WEIR_SIM_EQ(n, 7);
	weir_rx_close(&p.rx);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_tx_close(&p.tx);
	return rc;
}

START_TEST(a_correct_program_passes)
{
	bool forget = false;
	struct weir_sim_result result;
	struct weir_sim_opts opts = {.name = "correct", .quiet = true};
	ck_assert_int_eq(weir_sim_run(&opts, scenario, &forget, &result), 0);
	ck_assert_int_eq(result.kind, WEIR_SIM_PASS);
	ck_assert_uint_eq(result.schedules, 1000);
	ck_assert_uint_gt(result.decisions, 1000);
}
END_TEST

START_TEST(a_broken_program_fails_and_replays)
{
	bool forget = true;
	struct weir_sim_result result, again;
	struct weir_sim_opts opts = {.name = "broken", .quiet = true};
	ck_assert_int_eq(weir_sim_run(&opts, scenario, &forget, &result), 1);
	ck_assert_int_eq(result.kind, WEIR_SIM_DEADLOCK); /* the reader waits for an end that nobody announces */
	ck_assert_str_ne(result.replay, "");
	opts.replay = result.replay;
	ck_assert_int_eq(weir_sim_run(&opts, scenario, &forget, &again), 1);
	ck_assert_int_eq(again.kind, result.kind);
	ck_assert_str_eq(again.message, result.message);
	ck_assert_uint_eq(again.hash, result.hash);
}
END_TEST

START_TEST(every_schedule_is_run_once)
{
	bool forget = false;
	struct weir_sim_result result, again;
	struct weir_sim_opts opts = {.name = "all", .strategy = "dfs", .quiet = true};
	ck_assert_int_eq(weir_sim_run(&opts, scenario, &forget, &result), 0);
	ck_assert(result.exhausted);
	ck_assert_int_eq(weir_sim_run(&opts, scenario, &forget, &again), 0);
	ck_assert_uint_eq(result.schedules, again.schedules);
	ck_assert_uint_eq(result.steps, again.steps);
}
END_TEST

START_TEST(bad_arguments_are_told)
{
	bool forget = false;
	struct weir_sim_opts opts = {.strategy = "luck", .quiet = true};
	ck_assert_int_eq(weir_sim_run(&opts, scenario, &forget, NULL), WEIR_EINVAL);
	opts = (struct weir_sim_opts){.replay = "not a replay", .quiet = true};
	ck_assert_int_eq(weir_sim_run(&opts, scenario, &forget, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_sim_run(NULL, NULL, NULL, NULL), WEIR_EINVAL);
	ck_assert(!weir_sim_active());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim");
	TCase *tc = tcase_create("weir_sim_run");
	tcase_add_test(tc, a_correct_program_passes);
	tcase_add_test(tc, a_broken_program_fails_and_replays);
	tcase_add_test(tc, every_schedule_is_run_once);
	tcase_add_test(tc, bad_arguments_are_told);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
