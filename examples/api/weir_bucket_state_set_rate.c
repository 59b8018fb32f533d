/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_state_set_rate: what was earned before was earned at the old rate. */
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
	CHECK(weir_bucket_state_set_rate(&st, WEIR_MS(100), 1, WEIR_SEC(1)) == 0);
	weir_bucket_state_view(&st, WEIR_MS(100), 2, &v);
	CHECK(v.available == 1 && v.retry_ns == WEIR_SEC(1));
	return 0;
}
