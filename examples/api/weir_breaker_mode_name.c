/* SPDX-License-Identifier: MIT
 *
 * weir_breaker_mode_name: for a log line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	CHECK(strcmp(weir_breaker_mode_name(WEIR_BREAKER_OPEN), "open") == 0);
	CHECK(strcmp(weir_breaker_mode_name(WEIR_BREAKER_HALF_OPEN), "half-open") == 0);
	return 0;
}
