/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_state_set: by hand. */
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
	weir_breaker_state_set(&s, 0, WEIR_BREAKER_FORCED_OPEN, NULL);
	CHECK(weir_breaker_state_acquire(&s, WEIR_SEC(999), &permit, NULL, NULL) == WEIR_EOPEN);
	weir_breaker_state_set(&s, WEIR_SEC(999), WEIR_BREAKER_CLOSED, NULL);
	CHECK(weir_breaker_state_acquire(&s, WEIR_SEC(999), &permit, NULL, NULL) == 0);
	return 0;
}
