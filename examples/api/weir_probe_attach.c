/* SPDX-License-Identifier: MIT
 *
 * weir_probe_attach: how often stages run, and how long they take. */
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

static int started, over;
static int64_t took;

static void hear(const struct weir_probe_event *event, void *arg)
{
	(void)arg;
	started += event->kind == WEIR_PROBE_STAGE_STARTED;
	if (event->kind == WEIR_PROBE_STAGE_DONE) {
		over++;
		took += event->value; /* ns */
	}
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_probe probe = {.fn = hear};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_call *call = NULL;
	weir_scope s;
	int out;
	(void)arg;
	CHECK(weir_probe_attach(rt, &(weir_probe){0}) == WEIR_EINVAL); /* no function */
	CHECK(weir_probe_attach(rt, &probe) == 0);
	CHECK(weir_probe_attach(rt, &probe) == WEIR_EBUSY); /* one for each runtime */
	weir_stage *st = weir_then(plus_one_stage(rt, NULL), plus_one_stage(rt, NULL));
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){1}, &out, NULL) == 0 && out == 3);
	CHECK(started == 3 && over == 3 && took >= 0); /* the chain, and both in it */
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}
