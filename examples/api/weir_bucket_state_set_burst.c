/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_state_set_burst: room for more gives no tokens; those above it are lost. */
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
	CHECK(weir_bucket_state_set_burst(&st, 0, 5) == 0);
	weir_bucket_state_view(&st, 0, 5, &v);
	CHECK(v.available == 2 && v.retry_ns == WEIR_MS(300));
	CHECK(weir_bucket_state_set_burst(&st, 0, 1) == 0);
	weir_bucket_state_view(&st, 0, 1, &v);
	CHECK(v.available == 1 && v.full_ns == 0);
	return 0;
}
