/* SPDX-License-Identifier: MIT
 *
 * weir_latency_state_percentile: half of the calls are quick, a tenth is slow; an hour later nobody knows. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/limit.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_latency_state st;
	CHECK(weir_latency_state_init(&st, NULL, 0) == 0);
	for (int i = 0; i < 100; i++)
		weir_latency_state_add(&st, 0, i % 10 ? WEIR_MS(1) : WEIR_SEC(1));
	CHECK(weir_latency_state_percentile(&st, 0, 50) < WEIR_MS(2));
	CHECK(weir_latency_state_percentile(&st, 0, 95) >= WEIR_SEC(1));
	CHECK(weir_latency_state_percentile(&st, WEIR_SEC(3600), 50) < 0);
	return 0;
}
