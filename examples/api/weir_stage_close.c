/* SPDX-License-Identifier: MIT
 *
 * weir_stage_close: what is to be done after the last value, in the reverse order of setup. */
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

static int be_well(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	return balance == 1 ? 0 : weir_fail(err, WEIR_EUSER, "a balance of %d", balance);
}

static int pass(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = *(const int *)in;
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_lifecycle cycle = {.setup = take_in, .close = give_away, .reset = give_away, .health = be_well};
	weir_stage *st = weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.in = num_type(),
										    .out = num_type(),
										    .process = pass,
										    .lifecycle = cycle});
	(void)err, (void)arg;
	CHECK(weir_stage_setup(ctx, st, NULL) == 0);
	CHECK(weir_stage_close(ctx, st, NULL) == 0);
	CHECK(balance == 0);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
