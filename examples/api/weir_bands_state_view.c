/* SPDX-License-Identifier: MIT
 *
 * weir_bands_state_view: which is next to be free, and when. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_bands_state st;
	struct weir_bucket_view v;
	static const struct weir_band bands[] = {{.tokens = 2, .period_ns = WEIR_SEC(3600)},
						 {.tokens = 5, .period_ns = WEIR_SEC(86400), .per_period = true}};
	CHECK(weir_bands_state_init(&st, bands, 2, 0) == 0);
	CHECK(weir_bands_state_take(&st, 0, 2) == 0);
	weir_bands_state_view(&st, 0, 1, &v);
	CHECK(v.available == 0 && v.burst == 2);
	CHECK(v.retry_ns == WEIR_SEC(1800)); /* the hour's next one */
	CHECK(v.full_ns == WEIR_SEC(86400)); /* the day's */
	return 0;
}
