/* SPDX-License-Identifier: MIT
 *
 * weir_throttle_state_init: nothing is held back at first. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_throttle_state st;
	CHECK(weir_throttle_state_init(&st, NULL, 0) == 0);
	CHECK(weir_throttle_state_chance(&st, 0) == 0);
	return 0;
}
