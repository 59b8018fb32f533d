/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_state_init: the machine without a lock, on a clock of your own. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	struct weir_breaker_state s;
	struct weir_breaker_snapshot is;
	CHECK(weir_breaker_state_init(&s, NULL, 1000) == 0); /* all defaults, as of 1000 */
	weir_breaker_state_look(&s, 1000, &is, NULL);
	CHECK(is.mode == WEIR_BREAKER_CLOSED && is.since == 1000);
	return 0;
}
