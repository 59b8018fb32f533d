/* SPDX-License-Identifier: MIT
 *
 * weir_adaptive_state_limit: how many may be under way now. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_adaptive_state st;
	struct weir_adaptive_opts o = {.rule = WEIR_ADAPTIVE_AIMD, .initial = 30, .each_sample = true};
	CHECK(weir_adaptive_state_init(&st, &o, 0) == 0);
	CHECK(weir_adaptive_state_sample(&st, 0, WEIR_MS(5), 30, false, 0) == 31);
	CHECK(weir_adaptive_state_limit(&st) == 31);
	return 0;
}
