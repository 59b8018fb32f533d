/* SPDX-License-Identifier: MIT
 *
 * weir_parallel: several stages at once, and one value of all that they make. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int most(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = 0;
	for (size_t i = 0; i < in->n; i++)
		if (*(int *)weir_array_at(in, i) > *(int *)out)
			*(int *)out = *(int *)weir_array_at(in, i);
	return 0;
}

static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*out = *in + 1;
	return 0;
}
WEIR_STAGE_DECLARE(plus, num, num);

static int run(weir_ctx *ctx, weir_stage *st, const void *in, void *out)
{
	weir_call *call = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	int rc = weir_call_process(ctx, call, in, out, NULL);
	weir_call_free(&call);
	return weir_scope_join(ctx, &s, rc, NULL);
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_stage *const both[] = {weir_then(plus_stage(rt, NULL), plus_stage(rt, NULL)), plus_stage(rt, NULL)};
	weir_stage *st = weir_parallel(both, 2, 0, weir_fan_in(rt, num_type(), num_type(), most, NULL));
	int out = 0;
	(void)err, (void)arg;
	CHECK(run(ctx, st, &(const int){4}, &out) == 0);
	CHECK(out == 6);
	weir_stage_free(&st);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
