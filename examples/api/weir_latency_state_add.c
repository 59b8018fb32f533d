/* SPDX-License-Identifier: MIT
 *
 * weir_latency_state_add: a call has taken 3 ms. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_latency_state st;
	CHECK(weir_latency_state_init(&st, &(struct weir_latency_opts){.min_samples = 1}, 0) == 0);
	weir_latency_state_add(&st, 0, WEIR_MS(3));
	int64_t ns = weir_latency_state_percentile(&st, 0, 50);
	CHECK(ns >= WEIR_MS(3) && ns <= WEIR_MS(3) + WEIR_MS(3) / 8);
	return 0;
}
