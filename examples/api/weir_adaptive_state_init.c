/* SPDX-License-Identifier: MIT
 *
 * weir_adaptive_state_init: a limit that will find its own size. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_adaptive_state st;
	struct weir_adaptive_opts o = {.rule = WEIR_ADAPTIVE_AIMD, .initial = 30, .each_sample = true};
	CHECK(weir_adaptive_state_init(&st, &o, 0) == 0);
	CHECK(weir_adaptive_state_limit(&st) == 30);
	return 0;
}
