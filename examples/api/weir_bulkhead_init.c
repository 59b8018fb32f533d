/* SPDX-License-Identifier: MIT
 *
 * weir_bulkhead_init: so many at once, so many in line. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_bulkhead b;
	struct weir_bulkhead_opts opts = {.max_concurrent = 4, .max_wait_ns = WEIR_MS(50)};
	CHECK(weir_bulkhead_init(&b, ctx, &opts) == WEIR_EINVAL); /* who may wait so long? */
	opts.max_waiting = 10;
	CHECK(weir_bulkhead_init(&b, ctx, &opts) == 0);
	weir_bulkhead_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
