/* SPDX-License-Identifier: MIT
 *
 * weir_policy: the layers that most calls want, in the order that is right. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>
#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))
WEIR_TYPE_PLAIN(num, int);

/* Fails until it has been called *arg times. */
static int fetch(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	int *failures = arg;
	(void)ctx;
	if ((*failures)-- > 0)
		return weir_fail(err, WEIR_EUSER, "busy");
	*out = *in * 2;
	return 0;
}
WEIR_STAGE_DECLARE(fetch, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	int in = 21, out = 0;
	(void)arg;
	int failures = 2;
	weir_stage *st =
		weir_policy(fetch_stage(weir_ctx_rt(ctx), &failures),
			    &(struct weir_policy_opts){.total_timeout_ns = WEIR_SEC(30),
						       .retry = &(struct weir_retry_opts){.base_ns = WEIR_US(1)},
						       .attempt_timeout_ns = WEIR_SEC(10)});
	CHECK(weir_stage_check(st, err) == 0);
	weir_scope_init(&s, ctx);
	int rc = weir_call_new(&s, st, &call);
	if (rc == 0)
		rc = weir_call_process(ctx, call, &in, &out, err);
	CHECK(rc != 0 || out == 42);
	weir_call_free(&call);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_stage_free(&st);
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}
