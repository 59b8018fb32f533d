/* SPDX-License-Identifier: MIT
 *
 * weir_stage_new: a stage of a function, with an argument of its own and memory of each call. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static int add_up(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg, void *scratch)
{
	int *so_far = scratch; /* zeroed when the call was made, and kept */
	(void)err, (void)arg;
	*so_far += *(const int *)in;
	*(int *)out = *so_far;
	return weir_ctx_err(ctx);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_stage_opts opts = {.name = "add_up", .in = &num, .out = &num, .process_scratch = add_up};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_call *call = NULL;
	weir_scope s;
	int out;
	(void)arg;
	weir_stage *nothing = weir_stage_new(rt, &(struct weir_stage_opts){.in = &num, .out = &num});
	CHECK(nothing != NULL && weir_stage_check(nothing, NULL) == WEIR_EINVAL); /* it has no function */
	weir_stage_free(&nothing);
	opts.scratch = sizeof(int);
	opts.arg_free = free;
	opts.arg = malloc(1); /* the stage's from here on */
	weir_stage *st = weir_stage_new(rt, &opts);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){3}, &out, NULL) == 0 && out == 3);
	CHECK(weir_call_process(ctx, call, &(int){4}, &out, NULL) == 0 && out == 7);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}
