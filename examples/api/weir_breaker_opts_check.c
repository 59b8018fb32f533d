/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_opts_check: why a breaker cannot be made so. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	char why[200];
	weir_err err = {0};
	struct weir_breaker_opts opts = {.successes = 3, .trials = 2};
	CHECK(weir_breaker_opts_check(&opts, &err) == WEIR_EINVAL);
	CHECK(weir_err_format(&err, why, sizeof(why)) > 0);
	puts(why);       /* it could never close: ... */
	opts.trials = 4; /* three of four */
	CHECK(weir_breaker_opts_check(&opts, &err) == 0);
	weir_err_fini(&err);
	return 0;
}
