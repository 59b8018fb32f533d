/* SPDX-License-Identifier: MIT
 *
 * weir_backoff_check: settings are looked at once, not at each retry. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	CHECK(weir_backoff_check(&(struct weir_backoff_opts){.base_ns = WEIR_MS(10), .factor = 1.5}) == 0);
	CHECK(weir_backoff_check(&(struct weir_backoff_opts){.base_ns = WEIR_MS(10), .factor = 0.5}) == WEIR_EINVAL);
	return 0;
}
