/* SPDX-License-Identifier: MIT
 *
 * weir_bucket_state_take: now, or within a time; more than the burst is never. */
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
	CHECK(weir_bucket_state_take(&st, 0, 2, 0, &grant) == 0 && grant.delay_ns == 0);
	CHECK(weir_bucket_state_take(&st, 0, 1, WEIR_MS(99), &grant) == WEIR_ELIMITED);
	CHECK(weir_bucket_state_take(&st, 0, 1, WEIR_MS(100), &grant) == 0);
	CHECK(grant.at == WEIR_MS(100)); /* the caller waits until then */
	CHECK(weir_bucket_state_take(&st, 0, 3, WEIR_FOREVER, &grant) == WEIR_EOVERFLOW);
	CHECK(weir_bucket_state_take(&st, 0, 0, 0, NULL) == 0); /* a look */
	return 0;
}
