/* SPDX-License-Identifier: MIT
 *
 * weir_bands_state_take: of all bands or of none: the day has some left, the hour has not. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_bands_state st;
	static const struct weir_band bands[] = {{.tokens = 2, .period_ns = WEIR_SEC(3600)},
						 {.tokens = 5, .period_ns = WEIR_SEC(86400), .per_period = true}};
	CHECK(weir_bands_state_init(&st, bands, 2, 0) == 0);
	CHECK(weir_bands_state_take(&st, 0, 2) == 0);
	CHECK(weir_bands_state_take(&st, 0, 1) == WEIR_ELIMITED);
	CHECK(weir_bands_state_take(&st, WEIR_SEC(3600), 2) == 0);
	CHECK(weir_bands_state_take(&st, WEIR_SEC(7200), 3) == WEIR_EOVERFLOW); /* the hour never has three */
	return 0;
}
