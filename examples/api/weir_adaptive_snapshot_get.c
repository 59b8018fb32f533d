/* SPDX-License-Identifier: MIT
 *
 * weir_adaptive_snapshot_get: what is so now, and what has been. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_adaptive a;
	struct weir_adaptive_permit p;
	struct weir_adaptive_snapshot is;
	CHECK(weir_adaptive_init(&a, ctx, NULL) == 0);
	CHECK(weir_adaptive_acquire(ctx, &a, &p, err) == 0);
	weir_adaptive_snapshot_get(ctx, &a, &is);
	CHECK(is.line.limit == 20 && is.line.running == 1 && is.line.waiting == 0 && is.succeeded == 0);
	weir_adaptive_release(ctx, &a, &p, WEIR_ADAPTIVE_SUCCESS);
	weir_adaptive_snapshot_get(ctx, &a, &is);
	CHECK(is.line.running == 0 && is.succeeded == 1 && is.dropped == 0);
	weir_adaptive_fini(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
