/* SPDX-License-Identifier: MIT
 *
 * Adaptive limits: every row of tests/data/adaptive_limit.tsv but those of envoy_gradient (Envoy's rule, which pins the
 * limit to measure; not built), the window, and what holds for all rules. */
#include <check.h>
#include <weir/limit/adaptive.h>

#include "../core/support.h"
#include "tsv.h"

static struct weir_adaptive_opts opts_of(const struct tsv *t)
{
	struct weir_adaptive_opts o = {.each_sample = true, .no_probe = true};
	o.rule = tsv_is(t, "algo", "vegas")  ? WEIR_ADAPTIVE_VEGAS
		 : tsv_is(t, "algo", "aimd") ? WEIR_ADAPTIVE_AIMD
					     : WEIR_ADAPTIVE_GRADIENT2;
	o.initial = (uint32_t)tsv_key_int(t, "params", "initial");
	o.max = (uint32_t)tsv_key_int(t, "params", "max");
	if (tsv_find(t, "params", "min"))
		o.min = (uint32_t)tsv_key_int(t, "params", "min");
	if (tsv_find(t, "params", "smoothing"))
		o.smoothing = tsv_key(t, "params", "smoothing");
	if (tsv_find(t, "params", "ratio"))
		o.ratio = tsv_key(t, "params", "ratio");
	if (tsv_find(t, "params", "decrease")) /* half */
		o.ratio = 0.5;
	if (tsv_find(t, "params", "timeout_ns"))
		o.timeout_ns = tsv_key_int(t, "params", "timeout_ns");
	if (tsv_find(t, "params", "tolerance"))
		o.tolerance = tsv_key(t, "params", "tolerance");
	if (tsv_find(t, "params", "queue"))
		o.queue = tsv_key(t, "params", "queue");
	return o;
}

START_TEST(table)
{
	struct tsv t = tsv_open("tests/data/adaptive_limit.tsv");
	weir_adaptive_state st;
	size_t played = 0;
	while (tsv_next(&t)) {
		if (tsv_is(&t, "algo", "envoy"))
			continue;
		struct weir_adaptive_opts o = opts_of(&t);
		if (tsv_is(&t, "step", "0"))
			ck_assert_int_eq(weir_adaptive_state_init(&st, &o, 0), 0);
		uint32_t limit = weir_adaptive_state_sample(&st, 0, tsv_int(&t, "rtt_ns"),
							    (uint32_t)tsv_int(&t, "inflight"),
							    tsv_int(&t, "dropped") == 1, 0);
		ck_assert_msg(limit == tsv_int(&t, "limit"), "row %zu (%s %s): %u", t.rows, tsv_cell(&t, "case"),
			      tsv_cell(&t, "step"), limit);
		played++;
	}
	ck_assert_uint_eq(t.rows, 169);
	ck_assert_uint_eq(played, 169 - 8);
}
END_TEST

/* The mean, the most and any drop of a window; too few are forgotten; nothing happens before it is over. */
START_TEST(window)
{
	weir_adaptive_state st;
	struct weir_adaptive_opts o = {.rule = WEIR_ADAPTIVE_AIMD, .initial = 50, .min = 10};
	ck_assert_int_eq(weir_adaptive_state_init(&st, &o, 0), 0);
	for (int i = 0; i < 9; i++)
		ck_assert_uint_eq(weir_adaptive_state_sample(&st, i, 1000, i == 4 ? 25 : 1, false, 0), 50);
	ck_assert_uint_eq(weir_adaptive_state_sample(&st, WEIR_SEC(1), 1000, 1, false, 0), 51);
	for (int i = 0; i < 8; i++)
		ck_assert_uint_eq(weir_adaptive_state_sample(&st, WEIR_SEC(1), 1, 50, true, 0), 51);
	ck_assert_uint_eq(weir_adaptive_state_sample(&st, WEIR_SEC(2), 1, 50, true, 0), 51); /* nine */
	for (int i = 0; i < 9; i++)
		ck_assert_uint_eq(weir_adaptive_state_sample(&st, WEIR_SEC(2), 1, 50, i == 3, 0), 51);
	ck_assert_uint_eq(weir_adaptive_state_sample(&st, WEIR_SEC(3), 1, 50, false, 0), 45); /* one drop */
	for (int i = 0; i < 9; i++) /* half of them too slow, but not their mean */
		ck_assert_uint_eq(weir_adaptive_state_sample(&st, WEIR_SEC(3), i % 2 ? WEIR_SEC(6) : 0, 50, false, 0),
				  45);
	ck_assert_uint_eq(weir_adaptive_state_sample(&st, WEIR_SEC(4), 1, 50, false, 0), 46);
}
END_TEST

/* A service that became slower for good: the fastest is measured anew, and the limit grows again. */
START_TEST(probe)
{
	weir_adaptive_state st, never;
	struct weir_adaptive_opts o = {.each_sample = true};
	ck_assert_int_eq(weir_adaptive_state_init(&st, &o, 0), 0);
	o.no_probe = true;
	ck_assert_int_eq(weir_adaptive_state_init(&never, &o, 0), 0);
	for (int i = 0; i < 20000; i++) {
		int64_t rtt = i < 10 ? WEIR_MS(1) : WEIR_MS(10);
		weir_adaptive_state_sample(&st, 0, rtt, 1000, false, 0);
		weir_adaptive_state_sample(&never, 0, rtt, 1000, false, 0);
	}
	ck_assert_uint_eq(weir_adaptive_state_limit(&st), 1000);
	ck_assert_uint_lt(weir_adaptive_state_limit(&never), 10);
}
END_TEST

/* What was shed in no time is not the fastest: it lowers the limit, and what comes after is as fast as it was. */
START_TEST(a_drop_says_nothing_about_time)
{
	weir_adaptive_state st, calm;
	struct weir_adaptive_opts o = {.initial = 50, .each_sample = true, .no_probe = true};
	ck_assert_int_eq(weir_adaptive_state_init(&st, &o, 0), 0);
	ck_assert_uint_eq(weir_adaptive_state_sample(&st, 0, WEIR_MS(10), 50, false, 0), 50);
	uint32_t less = weir_adaptive_state_sample(&st, 0, 1, 50, true, 0);
	ck_assert_uint_lt(less, 50);
	o.initial = less;
	ck_assert_int_eq(weir_adaptive_state_init(&calm, &o, 0), 0);
	ck_assert_uint_eq(weir_adaptive_state_sample(&calm, 0, WEIR_MS(10), 50, false, 0), less);
	ck_assert_uint_eq(weir_adaptive_state_sample(&st, 0, WEIR_MS(10), 50, false, 0),
			  weir_adaptive_state_sample(&calm, 0, WEIR_MS(10), 50, false, 0));
	ck_assert_uint_gt(weir_adaptive_state_limit(&st), less);
}
END_TEST

/* Any samples: within the limits; no growth while little is in use; a drop, however fast, never makes it grow. */
START_TEST(bounds)
{
	uint64_t dice = 7;
	for (unsigned rule = 0; rule <= WEIR_ADAPTIVE_AIMD; rule++) {
		weir_adaptive_state st;
		struct weir_adaptive_opts o = {
			.rule = (enum weir_adaptive_rule)rule, .initial = 30, .min = 5, .max = 90, .each_sample = true};
		ck_assert_int_eq(weir_adaptive_state_init(&st, &o, 0), 0);
		bool moved = false;
		for (int i = 0; i < 20000; i++) {
			dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
			uint32_t before = weir_adaptive_state_limit(&st), under_way = (uint32_t)(dice >> 8) % 100;
			bool dropped = dice % 16 == 0;
			uint32_t after = weir_adaptive_state_sample(&st, i, (int64_t)(dice >> 32) % WEIR_MS(50) - 5,
								    under_way, dropped, dice);
			ck_assert(after >= 5 && after <= 90);
			ck_assert(after <= before || (!dropped && under_way * 2 >= before));
			moved |= after != before;
		}
		ck_assert(moved);
	}
}
END_TEST

START_TEST(out_of_range)
{
	weir_adaptive_state st;
	struct weir_adaptive_opts bad[] = {{.min = 30},         {.max = 10},
					   {.smoothing = 2},    {.smoothing = -1},
					   {.tolerance = 0.5},  {.queue = -1},
					   {.ratio = 0.4},      {.ratio = 1},
					   {.timeout_ns = -1},  {.window_ns = -1},
					   {.max = UINT32_MAX}, {.rule = (enum weir_adaptive_rule)9}};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_int_eq(weir_adaptive_state_init(&st, &bad[i], 0), WEIR_EINVAL);
	ck_assert_int_eq(weir_adaptive_state_init(&st, NULL, 0), 0);
	ck_assert_uint_eq(weir_adaptive_state_limit(&st), 20);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("adaptive");
	TCase *tcase = bare_case(suite, "adaptive");
	tcase_add_test(tcase, table);
	tcase_add_test(tcase, window);
	tcase_add_test(tcase, probe);
	tcase_add_test(tcase, a_drop_says_nothing_about_time);
	tcase_add_test(tcase, bounds);
	tcase_add_test(tcase, out_of_range);
	return run_suite(suite);
}
