/* SPDX-License-Identifier: MIT
 *
 * weir_stage_new: a stage of a function, with all that a stage may have: here memory of its own in each call. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

/* The sum of all values so far that went through this call: scratch is zeroed when the call is made. */
static int add_up(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg, void *scratch)
{
	int *so_far = scratch;
	(void)ctx, (void)err, (void)arg;
	*so_far += *(const int *)in;
	*(int *)out = *so_far;
	return 0;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_stage *st = weir_stage_new(weir_ctx_rt(ctx), &(struct weir_stage_opts){.name = "add_up",
										    .in = num_type(),
										    .out = num_type(),
										    .process_scratch = add_up,
										    .scratch = sizeof(int)});
	weir_call *call = NULL;
	weir_scope s;
	int out = 0;
	(void)err, (void)arg;
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	for (int i = 1; i <= 4; i++)
		CHECK(weir_call_process(ctx, call, &i, &out, NULL) == 0);
	CHECK(out == 10);
	weir_call_free(&call);
	weir_stage_free(&st);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == 0);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
