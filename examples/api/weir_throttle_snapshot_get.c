/* SPDX-License-Identifier: MIT
 *
 * weir_throttle_snapshot_get: how likely it is that the next one is held back. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_throttle t;
	struct weir_throttle_snapshot is;
	CHECK(weir_throttle_init(&t, ctx, &(struct weir_throttle_init_opts){.limit.min_requests = 10}) == 0);
	for (int i = 0; i < 9; i++)
		CHECK(weir_throttle_ask(ctx, &t, err) == 0);
	weir_throttle_accepted(ctx, &t);
	weir_throttle_snapshot_get(ctx, &t, &is);
	CHECK(is.asked == 9 && is.accepted == 1 && is.refused == 0 && is.chance <= 0);
	CHECK(weir_throttle_ask(ctx, &t, err) == 0); /* the tenth: from now on it counts */
	weir_throttle_snapshot_get(ctx, &t, &is);
	CHECK(is.chance > 0.72 && is.chance < 0.73); /* (10 - 2 * 1) / (10 + 1) */
	weir_throttle_fini(&t);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
