/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_state_acquire: asks to be let in, now. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	struct weir_breaker_state s;
	struct weir_breaker_permit permit;
	struct weir_breaker_opts opts = {.failures = 1, .open_ns = WEIR_SEC(1)};
	CHECK(weir_breaker_state_init(&s, &opts, 0) == 0);
	int64_t again = 0;
	CHECK(weir_breaker_state_acquire(&s, 0, &permit, NULL, NULL) == 0);
	weir_breaker_state_report(&s, 0, &permit, WEIR_OUTCOME_FAILURE, NULL);
	CHECK(weir_breaker_state_acquire(&s, WEIR_MS(300), &permit, &again, NULL) == WEIR_EOPEN);
	CHECK(again == WEIR_MS(700)); /* and then: */
	CHECK(weir_breaker_state_acquire(&s, WEIR_MS(1000), &permit, NULL, NULL) == 0);
	return 0;
}
