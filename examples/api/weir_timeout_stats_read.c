/* SPDX-License-Identifier: MIT
 *
 * weir_timeout_stats_read: how many calls run although their time is over. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>
#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))
WEIR_TYPE_PLAIN(num, int);

static int fetch(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	int rc = weir_sleep(ctx, *in); /* so many ns */
	if (rc == 0)
		*out = *in;
	return rc;
}
WEIR_STAGE_DECLARE(fetch, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	weir_call *call = NULL;
	int in = 21, out = 0;
	(void)arg;
	struct weir_timeout_stats stats;
	weir_stage *st = weir_timeout_with(fetch_stage(weir_ctx_rt(ctx), NULL),
					   &(struct weir_timeout_opts){.limit_ns = WEIR_MS(50), .gauge = true});
	CHECK(weir_stage_check(st, err) == 0);
	weir_scope_init(&s, ctx);
	int rc = weir_call_new(&s, st, &call);
	if (rc == 0)
		rc = weir_call_process(ctx, call, &in, &out, err);
	CHECK(rc == 0 && out == 21);
	in = 1000000000;
	CHECK(weir_call_process(ctx, call, &in, &out, NULL) == WEIR_ETIMEOUT);
	CHECK(weir_timeout_stats_read(ctx, st, &stats) == 0);
	CHECK(stats.running == 0 && stats.overdue == 0);
	weir_call_free(&call);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_stage_free(&st);
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}
