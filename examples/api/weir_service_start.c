/* SPDX-License-Identifier: MIT
 *
 * weir_service_start: sets the tree up, and lets values in; once. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int balance; /* of a resource that the stage needs */

static int take_in(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	balance++;
	return 0;
}

static int give_away(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	balance--;
	return 0;
}

static int pass(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = *(const int *)in;
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_service svc;
	struct weir_lifecycle cycle = {.setup = take_in, .close = give_away};
	weir_stage *st = weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.in = num_type(),
										    .out = num_type(),
										    .process = pass,
										    .lifecycle = cycle});
	(void)err, (void)arg;
	weir_service_init(&svc, weir_ctx_rt(ctx), NULL);
	st = weir_service_stage(st, &svc);
	CHECK(weir_service_start(ctx, &svc, NULL) == 0);
	CHECK(balance == 1);
	CHECK(weir_service_start(ctx, &svc, NULL) == WEIR_EBUSY);
	CHECK(weir_service_stop(ctx, &svc, NULL) == 0);
	weir_stage_free(&st);
	weir_service_fini(&svc);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
