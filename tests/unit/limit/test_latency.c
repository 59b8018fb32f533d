/* SPDX-License-Identifier: MIT
 *
 * Percentiles of times: against a plain sort, at the ends of the range, and as time goes by; and the shared face. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <weir/limit/latency.h>

#include "../core/support.h"

static uint64_t dice = 1;

static uint64_t roll(uint64_t n)
{
	dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
	return (dice >> 11) % n;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

enum { N = 500 };

/* Never too short, and at most an eighth too long. */
START_TEST(against_a_sort)
{
	static const double percents[] = {0.1, 1, 50, 90, 95, 99, 99.9, 100};
	for (int round = 0; round < 200; round++) {
		weir_latency_state st;
		int64_t ns[N];
		ck_assert_int_eq(weir_latency_state_init(&st, NULL, 7), 0);
		for (int i = 0; i < N; i++) {
			ns[i] = (int64_t)(1024 + roll(UINT64_C(1) << (2 + roll(37))));
			weir_latency_state_add(&st, 7, ns[i]);
		}
		qsort(ns, N, sizeof(ns[0]), by_size);
		for (size_t i = 0; i < COUNT_OF(percents); i++) {
			int64_t is = ns[(int)ceil(N * percents[i] / 100 - 1e-9) - 1];
			int64_t told = weir_latency_state_percentile(&st, 7, percents[i]);
			ck_assert_msg(told >= is && told <= is + is / 8, "%f: %lld, not %lld", percents[i],
				      (long long)told, (long long)is);
		}
	}
}
END_TEST

START_TEST(ends_of_the_range)
{
	static const struct {
		int64_t ns, told;
	} rows[] = {{0, 1023},
		    {-5, 1023},
		    {1023, 1023},
		    {1024, 1024 + 127},
		    {1151, 1151},
		    {1152, 1152 + 127},
		    {2047, 2047},
		    {2048, 2048 + 255},
		    {(INT64_C(1) << 40) - 1, (INT64_C(1) << 40) - 1},
		    {INT64_C(1) << 40, INT64_C(1) << 40},
		    {INT64_MAX, INT64_C(1) << 40}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		weir_latency_state st;
		ck_assert_int_eq(weir_latency_state_init(&st, &(struct weir_latency_opts){.min_samples = 1}, 0), 0);
		ck_assert_int_eq(weir_latency_state_percentile(&st, 0, 50), -1);
		weir_latency_state_add(&st, 0, rows[i].ns);
		ck_assert_int_eq(weir_latency_state_percentile(&st, 0, 50), rows[i].told);
		ck_assert_int_eq(weir_latency_state_percentile(&st, 0, 1000), rows[i].told);
		ck_assert_int_eq(weir_latency_state_percentile(&st, 0, 0), -1);
		ck_assert_int_eq(weir_latency_state_percentile(&st, 0, -1), -1);
		ck_assert_int_eq(weir_latency_state_percentile(&st, 0, NAN), -1);
	}
}
END_TEST

/* A window and the one before it; then it is forgotten. */
START_TEST(as_time_goes_by)
{
	weir_latency_state st;
	struct weir_latency_opts o = {.window_ns = 100, .min_samples = 2};
	ck_assert_int_eq(weir_latency_state_init(&st, &o, 150), 0);
	weir_latency_state_add(&st, 150, 1024);
	ck_assert_int_eq(weir_latency_state_percentile(&st, 199, 100), -1); /* one is too few */
	weir_latency_state_add(&st, 200, 1 << 20);
	ck_assert_int_eq(weir_latency_state_percentile(&st, 299, 50), 1024 + 127);
	weir_latency_state_add(&st, 100, 1 << 20);                             /* a clock that goes back stands */
	ck_assert_int_gt(weir_latency_state_percentile(&st, 300, 1), 1 << 20); /* the first one is gone */
	ck_assert_int_eq(weir_latency_state_percentile(&st, 400, 50), -1);
	weir_latency_state_add(&st, INT64_MAX, 1024); /* centuries later */
	weir_latency_state_add(&st, INT64_MAX, 1024);
	ck_assert_int_eq(weir_latency_state_percentile(&st, INT64_MAX, 100), 1024 + 127);
	o.window_ns = -1;
	ck_assert_int_eq(weir_latency_state_init(&st, &o, 0), WEIR_EINVAL);
	ck_assert_int_eq(weir_latency_state_init(&st, NULL, -1), WEIR_EINVAL);
}
END_TEST

static int add_many(void *arg)
{
	for (int i = 0; i < 10000; i++)
		weir_latency_add(arg, i % 10 ? 1024 : 1 << 20);
	return 0;
}

START_TEST(shared)
{
	weir_latency l = {0};
	struct helper h[3];
	weir_latency_fini(NULL);
	weir_latency_fini(&l);
	ck_assert_int_eq(weir_latency_init(&l, rt, &(struct weir_latency_opts){.window_ns = -1}), WEIR_EINVAL);
	ck_assert_int_eq(weir_latency_init(&l, rt,
					   &(struct weir_latency_opts){.window_ns = WEIR_SEC(86400 * 365),
								       .min_samples = 30000}),
			 0);
	for (size_t i = 0; i < COUNT_OF(h); i++)
		helper_start(&h[i], add_many, &l);
	for (size_t i = 0; i < COUNT_OF(h); i++)
		ck_assert_int_eq(helper_join(&h[i]), 0);
	ck_assert_int_eq(weir_latency_percentile(&l, 90), 1024 + 127); /* all are there, or it would be -1 */
	ck_assert_int_gt(weir_latency_percentile(&l, 90.1), 1 << 20);
	weir_latency_fini(&l);
	weir_latency_fini(&l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("latency");
	TCase *tcase = bare_case(suite, "pure");
	tcase_add_test(tcase, against_a_sort);
	tcase_add_test(tcase, ends_of_the_range);
	tcase_add_test(tcase, as_time_goes_by);
	tcase = world_case(suite, "shared");
	tcase_add_test(tcase, shared);
	return run_suite(suite);
}
