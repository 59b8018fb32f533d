/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_state_set_opts: open for longer from the next time on; the time that has begun stays as it was told. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	struct weir_breaker_state s;
	struct weir_breaker_permit p;
	struct weir_breaker_opts opts = {.failures = 1, .open_ns = WEIR_SEC(10)};
	int64_t again = 0;
	CHECK(weir_breaker_state_init(&s, &opts, 0) == 0);
	CHECK(weir_breaker_state_acquire(&s, 0, &p, NULL, NULL) == 0);
	weir_breaker_state_report(&s, 0, &p, WEIR_OUTCOME_FAILURE, NULL);
	opts.open_ns = WEIR_SEC(30);
	CHECK(weir_breaker_state_set_opts(&s, 0, &opts, NULL) == 0);
	CHECK(weir_breaker_state_acquire(&s, 0, &p, &again, NULL) == WEIR_EOPEN);
	CHECK(again == WEIR_SEC(10));
	opts.open_ns = -1;
	CHECK(weir_breaker_state_set_opts(&s, 0, &opts, NULL) == WEIR_EINVAL);
	return 0;
}
