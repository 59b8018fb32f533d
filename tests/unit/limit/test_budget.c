/* SPDX-License-Identifier: MIT
 *
 * Retry budgets and the client throttle: every row of tests/data/retry_budget.tsv but those of one model, and what
 * holds for all settings. The model left out, failsafe_inflight, counts calls that are under way: a bulkhead, not a
 * budget. */
#include <check.h>
#include <weir/limit/budget.h>
#include <weir/limit/throttle.h>

#include "../core/support.h"
#include "tsv.h"

static void play_tokens(weir_budget_state *st, const struct tsv *t)
{
	struct weir_budget_opts o = {.kind = WEIR_BUDGET_TOKENS};
	o.tokens = (uint32_t)tsv_key_int(t, "params", "max_tokens");
	o.ratio = tsv_key(t, "params", "ratio");
	if (tsv_is(t, "step", "0"))
		ck_assert_int_eq(weir_budget_state_init(st, &o, 0), 0);
	weir_budget_state_call(st, 0);
	weir_budget_state_result(st, 0, tsv_is(t, "op", "fail") ? WEIR_EIO : 0);
	ck_assert_msg(fabs(weir_budget_state_left(st, 0) - tsv_num(t, "value")) < 1e-9, "row %zu: %f", t->rows,
		      weir_budget_state_left(st, 0));
	ck_assert_int_eq(weir_budget_state_retry(st, 0), tsv_int(t, "ok") ? 0 : WEIR_ELIMITED);
}

static void play_share(const struct tsv *t)
{
	weir_budget_state st;
	struct weir_budget_opts o = {.ttl_ns = WEIR_SEC(tsv_key_int(t, "params", "ttl_s"))};
	o.share = tsv_key(t, "params", "percent");
	o.min_per_s = tsv_key(t, "params", "min_per_s");
	int64_t granted = 0, wanted = tsv_int(t, "value"), off = tsv_key_int(t, "ok", "tolerance");
	ck_assert_int_eq(weir_budget_state_init(&st, &o, 0), 0);
	bool read = strstr(tsv_cell(t, "op"), "read") != NULL;
	for (int i = 0; i < 10000; i++) {
		weir_budget_state_call(&st, 0);
		granted += !read && weir_budget_state_retry(&st, 0) == 0;
	}
	if (read)
		granted = (int64_t)weir_budget_state_left(&st, 0);
	ck_assert_msg(granted >= wanted - off && granted <= wanted + off, "row %zu: %lld", t->rows, (long long)granted);
}

/* The chance after so many requests and accepts. */
static void play_throttle(const struct tsv *t)
{
	weir_throttle_state st;
	struct weir_throttle_opts o = {.most = 1};
	const char *all = tsv_find(t, "op", "requests") ? "requests" : "executions";
	const char *good = tsv_find(t, "op", "accepts") ? "accepts" : "successes";
	if (tsv_find(t, "params", "K"))
		o.k = tsv_key(t, "params", "K");
	else
		o = (struct weir_throttle_opts){.k = 1 / tsv_key(t, "params", "success_threshold"),
						.most = tsv_key(t, "params", "max")};
	ck_assert_int_eq(weir_throttle_state_init(&st, &o, 0), 0);
	for (int64_t i = tsv_key_int(t, "op", all); i; i--)
		ck_assert_int_eq(weir_throttle_state_ask(&st, 0, UINT64_MAX), 0);
	for (int64_t i = tsv_key_int(t, "op", good); i; i--)
		weir_throttle_state_accepted(&st, 0);
	double p = weir_throttle_state_chance(&st, 0);
	ck_assert_msg(p >= tsv_num(t, "value") - 1e-6 && p <= tsv_num(t, "ok") + 1e-6, "row %zu: %f", t->rows, p);
}

START_TEST(table)
{
	struct tsv t = tsv_open("tests/data/retry_budget.tsv");
	weir_budget_state st;
	size_t played = 0;
	while (tsv_next(&t)) {
		if (tsv_is(&t, "model", "grpc_token"))
			play_tokens(&st, &t), played++;
		else if (tsv_is(&t, "model", "finagle_total"))
			play_share(&t), played++;
		else if (strncmp(tsv_cell(&t, "model"), "sre_rejection", 13) == 0)
			play_throttle(&t), played++;
		else
			ck_assert(tsv_is(&t, "model", "failsafe_inflight"));
	}
	ck_assert_uint_eq(t.rows, 302);
	ck_assert_uint_eq(played, 302 - 7);
}
END_TEST

/* What was earned is good for ttl, and the reserve comes back as its retries leave the window. */
START_TEST(share_expires)
{
	weir_budget_state st;
	ck_assert_int_eq(weir_budget_state_init(&st, &(struct weir_budget_opts){.share = 1, .min_per_s = 0.1}, 0), 0);
	ck_assert(weir_budget_state_left(&st, 0) == 1);
	weir_budget_state_call(&st, WEIR_SEC(1));
	ck_assert(weir_budget_state_left(&st, WEIR_SEC(11) - 1) == 2);
	ck_assert(weir_budget_state_left(&st, WEIR_SEC(11)) == 1);
	ck_assert_int_eq(weir_budget_state_retry(&st, WEIR_SEC(11)), 0);
	ck_assert_int_eq(weir_budget_state_retry(&st, WEIR_SEC(11)), WEIR_ELIMITED);
	ck_assert_int_eq(weir_budget_state_retry(&st, WEIR_SEC(5)), WEIR_ELIMITED); /* a clock that goes back */
	ck_assert_int_eq(weir_budget_state_retry(&st, WEIR_SEC(21) - 1), WEIR_ELIMITED);
	ck_assert_int_eq(weir_budget_state_retry(&st, WEIR_SEC(21)), 0);
	ck_assert_int_eq(weir_budget_state_retry(&st, WEIR_FOREVER), 0); /* idle for centuries */
}
END_TEST

START_TEST(budget_out_of_range)
{
	weir_budget_state st;
	weir_budget b = {0};
	struct weir_budget_opts bad[] = {{.share = -1},
					 {.share = 1001},
					 {.min_per_s = -1},
					 {.share = NAN},
					 {.ttl_ns = WEIR_MS(999)},
					 {.ttl_ns = WEIR_SEC(61)},
					 {.kind = WEIR_BUDGET_TOKENS, .tokens = 1001},
					 {.kind = WEIR_BUDGET_TOKENS, .ratio = 0.0001},
					 {.kind = (enum weir_budget_kind)5}};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		ck_assert_int_eq(weir_budget_state_init(&st, &bad[i], 0), WEIR_EINVAL);
		ck_assert_int_eq(weir_budget_init(&b, rt, &bad[i]), WEIR_EINVAL);
	}
	ck_assert_int_eq(weir_budget_state_init(&st, NULL, 0), 0);
	ck_assert(weir_budget_state_left(&st, 0) == 100); /* 10 per second, for 10 seconds */
	weir_budget_fini(&b);                             /* nothing was made */
}
END_TEST

static int spend(void *arg)
{
	int granted = 0;
	for (int i = 0; i < 2000; i++) {
		weir_budget_call(arg);
		weir_budget_result(arg, WEIR_EIO);
		granted += weir_budget_retry(arg) == 0;
	}
	return granted;
}

/* Many callers, one budget: together no more than it has. */
START_TEST(shared)
{
	weir_budget b;
	struct helper h[3];
	int granted = 0;
	struct weir_budget_opts o = {.share = 0.25, .ttl_ns = WEIR_SEC(60)};
	weir_budget_fini(NULL);
	ck_assert_int_eq(weir_budget_init(&b, rt, &o), 0);
	for (size_t i = 0; i < COUNT_OF(h); i++)
		helper_start(&h[i], spend, &b);
	for (size_t i = 0; i < COUNT_OF(h); i++)
		granted += helper_join(&h[i]);
	ck_assert_int_eq(granted, 3 * 2000 / 4);
	ck_assert(weir_budget_left(&b) == 0);
	weir_budget_fini(&b);
	weir_budget_fini(&b);
}
END_TEST

/* ---- throttle ---- */

START_TEST(throttle_window_and_dice)
{
	weir_throttle_state st;
	ck_assert_int_eq(weir_throttle_state_init(&st, &(struct weir_throttle_opts){.min_requests = 10}, 0), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(weir_throttle_state_ask(&st, 0, 0), 0); /* too few to say */
	ck_assert(weir_throttle_state_chance(&st, 0) == 0.9);
	ck_assert_int_eq(weir_throttle_state_ask(&st, 0, 0), WEIR_EOVERLOAD);
	ck_assert_int_eq(weir_throttle_state_ask(&st, 0, (uint64_t)(0.899 * 0x1p64)), WEIR_EOVERLOAD);
	ck_assert_int_eq(weir_throttle_state_ask(&st, 0, (uint64_t)(0.901 * 0x1p64)), 0); /* some always get through */
	for (int i = 0; i < 7; i++)
		weir_throttle_state_accepted(&st, WEIR_SEC(60));
	ck_assert(weir_throttle_state_chance(&st, WEIR_SEC(60)) == 0);
	ck_assert_int_eq(weir_throttle_state_ask(&st, WEIR_SEC(120) - 1, 0), 0);
	ck_assert(weir_throttle_state_chance(&st, WEIR_SEC(300)) == 0); /* all forgotten */
}
END_TEST

START_TEST(throttle_out_of_range)
{
	weir_throttle_state st;
	struct weir_throttle_opts bad[] = {{.k = 0.5}, {.most = 1.5}, {.most = -1}, {.window_ns = 9}, {.k = NAN}};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_int_eq(weir_throttle_state_init(&st, &bad[i], 0), WEIR_EINVAL);
	ck_assert_int_eq(weir_throttle_state_init(&st, NULL, -1), WEIR_EINVAL);
	ck_assert_int_eq(weir_throttle_state_init(&st, NULL, 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("budget");
	TCase *tcase = bare_case(suite, "pure");
	tcase_add_test(tcase, table);
	tcase_add_test(tcase, share_expires);
	tcase_add_test(tcase, throttle_window_and_dice);
	tcase_add_test(tcase, throttle_out_of_range);
	tcase = world_case(suite, "shared");
	tcase_add_test(tcase, budget_out_of_range);
	tcase_add_test(tcase, shared);
	return run_suite(suite);
}
