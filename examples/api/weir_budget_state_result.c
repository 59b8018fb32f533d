/* SPDX-License-Identifier: MIT
 *
 * weir_budget_state_result: failures cost tokens; successes earn them back. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	weir_budget_state st;
	struct weir_budget_opts o = {.kind = WEIR_BUDGET_TOKENS, .tokens = 2, .ratio = 0.5};
	CHECK(weir_budget_state_init(&st, &o, 0) == 0);
	weir_budget_state_result(&st, 0, WEIR_EIO);
	CHECK(weir_budget_state_retry(&st, 0) == WEIR_ELIMITED); /* no more than half are left */
	weir_budget_state_result(&st, 0, 0);
	CHECK(weir_budget_state_retry(&st, 0) == 0);
	return 0;
}
