/* SPDX-License-Identifier: MIT
 *
 * weir_budget_state_init: a retry for every second call, and none without. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_budget_state st;
	struct weir_budget_opts o = {.share = 0.5};
	CHECK(weir_budget_state_init(&st, &o, 0) == 0);
	CHECK(weir_budget_state_retry(&st, 0) == WEIR_ELIMITED);
	CHECK(weir_budget_state_left(&st, 0) == 0);
	return 0;
}
