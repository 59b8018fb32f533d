/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_state_look: what is so now, time having passed. */
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
	struct weir_breaker_snapshot is;
	CHECK(weir_breaker_state_acquire(&s, 0, &permit, NULL, NULL) == 0);
	weir_breaker_state_report(&s, 0, &permit, WEIR_OUTCOME_FAILURE, NULL);
	weir_breaker_state_look(&s, WEIR_MS(400), &is, NULL);
	CHECK(is.mode == WEIR_BREAKER_OPEN && is.try_again_ns == WEIR_MS(600));
	weir_breaker_state_look(&s, WEIR_MS(5000), &is, NULL);
	CHECK(is.mode == WEIR_BREAKER_HALF_OPEN && is.since == WEIR_MS(1000));
	return 0;
}
