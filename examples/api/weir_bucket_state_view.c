/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_state_view: how many there are, when there are enough, when it is full. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_bucket_state st;
	struct weir_bucket_view v;
	struct weir_bucket_opts o = {.tokens = 10, .period_ns = WEIR_SEC(1), .burst = 2};
	CHECK(weir_bucket_state_init(&st, &o, 0) == 0);
	CHECK(weir_bucket_state_take(&st, 0, 2, 0, NULL) == 0);
	weir_bucket_state_view(&st, WEIR_MS(40), 1, &v);
	CHECK(v.available == 0 && v.burst == 2);
	CHECK(v.retry_ns == WEIR_MS(60)); /* "Retry-After" */
	CHECK(v.full_ns == WEIR_MS(160));
	weir_bucket_state_view(&st, 0, 3, &v);
	CHECK(v.retry_ns == WEIR_FOREVER); /* above the burst */
	return 0;
}
