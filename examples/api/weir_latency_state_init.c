/* SPDX-License-Identifier: MIT
 *
 * weir_latency_state_init: a window of a second; a negative one is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_latency_state st;
	struct weir_latency_opts opts = {.window_ns = WEIR_SEC(1), .min_samples = 1};
	CHECK(weir_latency_state_init(&st, &opts, 0) == 0);
	CHECK(weir_latency_state_percentile(&st, 0, 50) < 0); /* nothing is known */
	opts.window_ns = -1;
	CHECK(weir_latency_state_init(&st, &opts, 0) == WEIR_EINVAL);
	return 0;
}
