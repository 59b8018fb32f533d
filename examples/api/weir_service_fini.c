/* SPDX-License-Identifier: MIT
 *
 * weir_service_fini: a service is finished when it has stopped, and its stage is freed. */
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

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_service svc;
	weir_service never = {{0}};
	(void)err, (void)arg;
	weir_service_init(&svc, weir_ctx_rt(ctx), NULL);
	weir_stage *st = weir_service_stage(plus_stage(weir_ctx_rt(ctx), NULL), &svc);
	CHECK(weir_service_start(ctx, &svc, NULL) == 0);
	CHECK(weir_service_stop(ctx, &svc, NULL) == 0);
	weir_stage_free(&st);
	weir_service_fini(&svc);
	weir_service_fini(&svc);
	weir_service_fini(&never); /* zeroed memory is fine */
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
