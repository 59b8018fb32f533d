/* SPDX-License-Identifier: MIT
 *
 * weir_bulkhead_snapshot_get: how full it is. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_bulkhead b;
	CHECK(weir_bulkhead_init(&b, ctx, &(struct weir_bulkhead_opts){.max_concurrent = 1}) == 0);
	struct weir_bulkhead_snapshot is;
	CHECK(weir_bulkhead_enter(ctx, &b, NULL) == 0);
	weir_bulkhead_snapshot_get(&b, &is);
	CHECK(is.running == 1 && is.waiting == 0 && is.refused == 0);
	weir_bulkhead_leave(&b);
	weir_bulkhead_fini(&b);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
