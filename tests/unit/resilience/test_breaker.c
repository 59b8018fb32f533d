/* SPDX-License-Identifier: MIT
 *
 * The circuit breaker as a state machine. */
#include <check.h>
#include <stdlib.h>
#include <weir/resilience.h>

START_TEST(modes_have_names)
{
	ck_assert_str_eq(weir_breaker_mode_name(WEIR_BREAKER_CLOSED), "closed");
	ck_assert_str_eq(weir_breaker_mode_name(WEIR_BREAKER_METRICS_ONLY), "metrics-only");
	ck_assert_str_eq(weir_breaker_mode_name((enum weir_breaker_mode)99), "?");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("breaker");
	TCase *t = tcase_create("breaker");
	tcase_add_test(t, modes_have_names);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
