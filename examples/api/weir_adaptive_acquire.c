/* SPDX-License-Identifier: MIT
 *
 * weir_adaptive_acquire: let in up to the limit; who is not is told how long the last call took. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_adaptive a;
	struct weir_adaptive_permit one, two;
	struct weir_err_info info;
	weir_err why = {0};
	const struct weir_adaptive_init_opts opts = {.limit = {.initial = 1, .max = 1}};
	CHECK(weir_adaptive_init(&a, ctx, &opts) == 0);
	CHECK(weir_adaptive_acquire(ctx, &a, &one, err) == 0 && one.live);
	CHECK(weir_adaptive_acquire(ctx, &a, &two, &why) == WEIR_EOVERLOAD && !two.live);
	CHECK(weir_err_as(&why, WEIR_EOVERLOAD, &info) && info.value == 0); /* none has ended yet */
	weir_err_fini(&why);
	weir_adaptive_release(ctx, &a, &one, WEIR_ADAPTIVE_SUCCESS);
	CHECK(weir_adaptive_acquire(ctx, &a, &two, err) == 0);
	weir_adaptive_release(ctx, &a, &two, WEIR_ADAPTIVE_IGNORED);
	weir_adaptive_fini(&a);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
