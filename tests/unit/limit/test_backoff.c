/* SPDX-License-Identifier: MIT
 *
 * Waits between attempts: every row of tests/data/backoff.tsv, and what holds for all settings. */
#include <check.h>
#include <weir/limit/backoff.h>

#include "../core/support.h"
#include "tsv.h"

static int64_t ns_of(double ms)
{
	return nearest(ms * 1e6);
}

static uint64_t random_of(double u)
{
	return u >= 1 ? UINT64_MAX : (uint64_t)(u * 0x1p64);
}

static struct weir_backoff_opts opts_of(const struct tsv *t)
{
	const char *kind = tsv_cell(t, "kind");
	struct weir_backoff_opts o = {.jitter = WEIR_JITTER_NONE};
	o.base_ns = ns_of(tsv_num(t, "base_ms"));
	o.max_ns = ns_of(tsv_num(t, "max_ms"));
	o.growth = strncmp(kind, "exponential", 11) == 0 ? WEIR_BACKOFF_EXPONENTIAL
		   : strncmp(kind, "linear", 6) == 0     ? WEIR_BACKOFF_LINEAR
							 : WEIR_BACKOFF_CONSTANT;
	o.max_is_hard = strncmp(tsv_cell(t, "case"), "polly", 5) == 0;
	o.factor = o.growth == WEIR_BACKOFF_EXPONENTIAL ? tsv_num(t, "mult") : 0;
	if (strcmp(kind, "full_jitter") == 0 || strcmp(kind, "equal_jitter") == 0) {
		o.growth = WEIR_BACKOFF_EXPONENTIAL;
		o.jitter = kind[0] == 'f' ? WEIR_JITTER_FULL : WEIR_JITTER_EQUAL;
	} else if (strcmp(kind, "decorrelated") == 0) {
		o.jitter = WEIR_JITTER_DECORRELATED;
	} else if (strcmp(kind, "constant_abs") == 0) {
		o.jitter = WEIR_JITTER_SPAN, o.span_ns = ns_of(tsv_num(t, "mult"));
	} else if (strcmp(kind, "uniform_range") == 0) { /* from base to max */
		o.jitter = WEIR_JITTER_SPAN, o.span_ns = (o.max_ns - o.base_ns) / 2;
		o.base_ns += o.span_ns, o.max_ns = 0;
	} else if (strcmp(kind, "constant_factor") == 0) {
		o.jitter = WEIR_JITTER_RATIO, o.ratio = tsv_num(t, "mult");
	} else if (strstr(kind, "_pm")) {
		o.jitter = WEIR_JITTER_RATIO, o.ratio = strtod(strstr(kind, "_pm") + 3, NULL) / 100;
	}
	return o;
}

START_TEST(table)
{
	struct tsv t = tsv_open("tests/data/backoff.tsv");
	static const double all[] = {0, 0.25, 0.5, 0.75, 1};
	while (tsv_next(&t)) {
		struct weir_backoff_opts o = opts_of(&t);
		bool any = tsv_is(&t, "u", "any");
		/* Its source cuts to milliseconds at each step: what it lost it never gets back. */
		double slack = strncmp(tsv_cell(&t, "case"), "r4j", 3) == 0 ? 0.01 : 0;
		ck_assert_int_eq(weir_backoff_check(&o), 0);
		for (size_t i = 0; i < (any ? COUNT_OF(all) : 1); i++) {
			double u = any ? all[i] : tsv_num(&t, "u");
			bool mirrored = strncmp(tsv_cell(&t, "case"), "failsafe_jitter", 15) == 0; /* more is sooner */
			uint64_t random = random_of(mirrored ? 1 - u : u);
			int64_t ns = weir_backoff_ns(&o, (uint64_t)tsv_int(&t, "attempt"),
						     ns_of(tsv_num(&t, "prev_ms")), random);
			if (tsv_is(&t, "min_ms", "saturate")) {
				ck_assert_int_eq(ns, WEIR_FOREVER);
				continue;
			}
			int64_t low = ns_of(tsv_num(&t, "min_ms")), high = ns_of(tsv_num(&t, "max_out_ms"));
			ck_assert_msg(ns >= low - 1 && ns <= high + 1 + ns_of(slack * tsv_num(&t, "max_out_ms")),
				      "row %zu (%s %s): %lld", t.rows, tsv_cell(&t, "case"), tsv_cell(&t, "attempt"),
				      (long long)ns);
		}
	}
	ck_assert_uint_eq(t.rows, 210);
}
END_TEST

/* For every kind: within [0, max], more random is never less, the thousandth retry saturates. */
START_TEST(bounds)
{
	static const uint64_t n[] = {0, 1, 5, 62, 63, 64, 1000, UINT64_MAX};
	static const int64_t bases[] = {1, 999, WEIR_SEC(1), WEIR_FOREVER}, caps[] = {0, 1, WEIR_SEC(30)};
	size_t tried = 0;
	for (unsigned growth = 0; growth <= WEIR_BACKOFF_CONSTANT; growth++)
		for (unsigned jitter = 0; jitter <= WEIR_JITTER_DECORRELATED; jitter++)
			for (size_t i = 0; i < COUNT_OF(n) * 12; i++, tried++) {
				struct weir_backoff_opts o = {.growth = (enum weir_backoff_growth)growth,
							      .jitter = (enum weir_backoff_jitter)jitter,
							      .base_ns = bases[i % 4],
							      .max_ns = caps[i / 4 % 3],
							      .span_ns = WEIR_FOREVER,
							      .max_is_hard = true};
				int64_t last = -1, most = o.max_ns ? o.max_ns : WEIR_FOREVER;
				for (int u = 0; u <= 8; u++) {
					int64_t ns = weir_backoff_ns(&o, n[i / 12], WEIR_SEC(2), random_of(u / 8.0));
					ck_assert(ns >= 0 && ns <= most && ns >= last);
					last = ns;
				}
				if (o.growth != WEIR_BACKOFF_CONSTANT && jitter != WEIR_JITTER_DECORRELATED &&
				    i / 12 == 7)
					ck_assert_int_eq(last, most);
			}
	ck_assert_uint_eq(tried, 3 * 6 * 96);
}
END_TEST

/* Never less than half, never more than all, and both are reached: where half is no whole number, too. */
START_TEST(half_of_an_odd_delay)
{
	for (int64_t t = 1; t < 200; t++) {
		struct weir_backoff_opts o = {.jitter = WEIR_JITTER_EQUAL, .base_ns = t};
		ck_assert_int_eq(weir_backoff_ns(&o, 0, 0, 0), t - t / 2);
		ck_assert_int_eq(weir_backoff_ns(&o, 0, 0, UINT64_MAX), t);
	}
}
END_TEST

START_TEST(out_of_range)
{
	struct weir_backoff_opts bad[] = {{.base_ns = -1},
					  {.max_ns = -1},
					  {.span_ns = -1},
					  {.ratio = 1.5},
					  {.ratio = -1},
					  {.factor = 0.5},
					  {.growth = (enum weir_backoff_growth)7},
					  {.jitter = (enum weir_backoff_jitter)7}};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		ck_assert_int_eq(weir_backoff_check(&bad[i]), WEIR_EINVAL);
		ck_assert_int_eq(weir_backoff_ns(&bad[i], 3, 0, 9), 0); /* no base */
	}
	ck_assert_int_eq(weir_backoff_check(NULL), 0);
	ck_assert_int_eq(weir_backoff_ns(NULL, 3, 0, 9), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backoff");
	TCase *tcase = bare_case(suite, "backoff");
	tcase_add_test(tcase, table);
	tcase_add_test(tcase, bounds);
	tcase_add_test(tcase, half_of_an_odd_delay);
	tcase_add_test(tcase, out_of_range);
	return run_suite(suite);
}
