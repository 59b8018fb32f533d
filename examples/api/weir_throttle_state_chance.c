/* SPDX-License-Identifier: MIT
 *
 * weir_throttle_state_chance: never more than nine in ten: some find out whether it is over. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_throttle_state st;
	CHECK(weir_throttle_state_init(&st, NULL, 0) == 0);
	for (int i = 0; i < 100; i++)
		CHECK(weir_throttle_state_ask(&st, 0, UINT64_MAX) == 0);
	CHECK(weir_throttle_state_chance(&st, 0) == 0.9);
	return 0;
}
