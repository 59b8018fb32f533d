/* SPDX-License-Identifier: MIT
 *
 * weir_probe_enter: what runs below a context is part of a span: of a request, say. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

WEIR_TYPE_PLAIN(num, int);

static int plus_one(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*out = *in + 1;
	return weir_ctx_err(ctx);
}
WEIR_STAGE_DECLARE(plus_one, num, num);

static uint64_t parent;

static void hear(const struct weir_probe_event *event, void *arg)
{
	(void)arg;
	if (event->kind == WEIR_PROBE_STAGE_STARTED)
		parent = event->parent;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_probe probe = {.fn = hear};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_call *call = NULL;
	weir_ctx request;
	weir_scope s;
	int out;
	(void)arg;
	CHECK(weir_probe_attach(rt, &probe) == 0);
	weir_stage *st = plus_one_stage(rt, NULL);
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	uint64_t span = weir_probe_span(&probe);
	weir_probe_enter(&request, ctx, span);
	CHECK(weir_call_process(&request, call, &(int){1}, &out, NULL) == 0);
	CHECK(parent == span);
	weir_ctx_fini(&request);
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}
