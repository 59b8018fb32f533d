/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_state_init: ten a second, two at once; the time is an argument. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_bucket_state st;
	struct weir_bucket_opts o = {.tokens = 10, .period_ns = WEIR_SEC(1), .burst = 2};
	CHECK(weir_bucket_state_init(&st, &o, 0) == 0);
	CHECK(weir_bucket_state_take(&st, 0, 2, 0, NULL) == 0);
	o.burst = UINT64_MAX;
	CHECK(weir_bucket_state_init(&st, &o, 0) == WEIR_EINVAL); /* and st is as it was */
	CHECK(weir_bucket_state_take(&st, 0, 1, 0, NULL) == WEIR_ELIMITED);
	return 0;
}
