/* SPDX-License-Identifier: MIT
 *
 * weir_budget_state_retry: takes a retry, while the budget lasts. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_budget_state st;
	struct weir_budget_opts o = {.share = 0.5};
	CHECK(weir_budget_state_init(&st, &o, 0) == 0);
	weir_budget_state_call(&st, 0);
	weir_budget_state_call(&st, 0);
	CHECK(weir_budget_state_retry(&st, 0) == 0);
	CHECK(weir_budget_state_retry(&st, 0) == WEIR_ELIMITED);
	return 0;
}
