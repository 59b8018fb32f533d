/* SPDX-License-Identifier: MIT
 *
 * weir_service_init: a service, which stands between a stage and its users; here with a say in what becomes of
 * failures. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	if (*in < 0)
		return weir_fail(err, WEIR_EUSER, "%d is negative", *in);
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

static int make_do(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)in;
	*(int *)out = *(int *)arg;
	return err->code == WEIR_EUSER ? 0 : err->code;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_service svc;
	int instead = 99, out = 0;
	(void)err, (void)arg;
	weir_service_init(&svc, weir_ctx_rt(ctx), &(struct weir_service_opts){.on_error = make_do, .arg = &instead});
	weir_stage *st = weir_service_stage(plus_stage(weir_ctx_rt(ctx), NULL), &svc);
	CHECK(weir_service_start(ctx, &svc, NULL) == 0);
	CHECK(run(ctx, st, &(const int){-1}, &out) == 0);
	CHECK(out == 99);
	CHECK(weir_service_stop(ctx, &svc, NULL) == 0);
	weir_stage_free(&st);
	weir_service_fini(&svc);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
