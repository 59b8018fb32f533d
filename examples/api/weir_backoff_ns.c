/* SPDX-License-Identifier: MIT
 *
 * weir_backoff_ns: how long to wait before retry n. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

int main(void)
{
	struct weir_backoff_opts o = {.base_ns = WEIR_MS(10), .max_ns = WEIR_SEC(1), .jitter = WEIR_JITTER_NONE};
	CHECK(weir_backoff_ns(&o, 0, 0, 0) == WEIR_MS(10));
	CHECK(weir_backoff_ns(&o, 3, 0, 0) == WEIR_MS(80));
	CHECK(weir_backoff_ns(&o, 1000, 0, 0) == WEIR_SEC(1));
	o.jitter = WEIR_JITTER_FULL; /* the default */
	int64_t ns = weir_backoff_ns(&o, 3, 0, UINT64_MAX / 3);
	CHECK(ns > WEIR_MS(26) && ns < WEIR_MS(27));
	return 0;
}
