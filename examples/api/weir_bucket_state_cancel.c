/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_state_cancel: a reservation that is not needed goes back. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_bucket_state st;
	struct weir_bucket_grant grant;
	struct weir_bucket_opts o = {.tokens = 10, .period_ns = WEIR_SEC(1), .burst = 2};
	CHECK(weir_bucket_state_init(&st, &o, 0) == 0);
	CHECK(weir_bucket_state_take(&st, 0, 2, 0, NULL) == 0);
	CHECK(weir_bucket_state_take(&st, 0, 2, WEIR_FOREVER, &grant) == 0);
	CHECK(weir_bucket_state_cancel(&st, WEIR_MS(50), &grant) == 2);
	CHECK(weir_bucket_state_cancel(&st, WEIR_MS(50), &grant) == 0); /* once */
	CHECK(weir_bucket_state_take(&st, WEIR_MS(100), 1, 0, NULL) == 0);
	return 0;
}
