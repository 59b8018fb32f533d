/* SPDX-License-Identifier: MIT
 *
 * weir_adaptive_state_sample: what each call tells: its time, how many were under way, whether it was dropped. */
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
	CHECK(weir_adaptive_state_sample(&st, 0, WEIR_MS(5), 2, false, 0) == 31); /* not in use */
	CHECK(weir_adaptive_state_sample(&st, 0, 0, 30, true, 0) == 27);
	return 0;
}
