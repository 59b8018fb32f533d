/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_state_report: what came of it, and what that made happen. */
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
	struct weir_breaker_events events = {0};
	CHECK(weir_breaker_state_acquire(&s, 0, &permit, NULL, &events) == 0);
	weir_breaker_state_report(&s, 5, &permit, WEIR_OUTCOME_FAILURE, &events);
	CHECK(!permit.live); /* given back */
	CHECK(events.n == 1 && events.at[0].to == WEIR_BREAKER_OPEN && events.at[0].at == 5);
	puts(events.at[0].why);
	return 0;
}
