/* SPDX-License-Identifier: MIT
 *
 * weir_fan_in: one value of an array. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int largest(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	int *max = out;
	(void)ctx, (void)arg;
	for (size_t i = 0; i < in->n; i++)
		if (i == 0 || *(int *)weir_array_at(in, i) > *max)
			*max = *(int *)weir_array_at(in, i);
	return in->n ? 0 : weir_fail(err, WEIR_EUSER, "of none");
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	weir_array a = {0};
	int out;
	(void)arg;
	weir_stage *st = weir_fan_in(weir_ctx_rt(ctx), num_type(), num_type(), largest, NULL);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &a, &out, NULL) == WEIR_EUSER); /* it is asked for an empty one too */
	CHECK(weir_array_new(weir_ctx_rt(ctx), num_type(), 2, &a) == 0);
	CHECK(weir_array_put(&a, 0, &(int){8}) == 0 && weir_array_put(&a, 1, &(int){3}) == 0);
	CHECK(weir_call_process(ctx, call, &a, &out, NULL) == 0 && out == 8);
	weir_array_drop(&a);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}
