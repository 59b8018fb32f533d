/* SPDX-License-Identifier: MIT
 *
 * weir_probe_detach: what is made from then on tells nobody. */
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

static int events;

static void hear(const struct weir_probe_event *event, void *arg)
{
	(void)event, (void)arg;
	events++;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_probe probe = {.fn = hear};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_call *call = NULL;
	weir_scope s;
	int out;
	(void)arg;
	CHECK(weir_probe_attach(rt, &probe) == 0);
	weir_stage *heard = plus_one_stage(rt, NULL);
	weir_probe_detach(rt);
	weir_stage *st = weir_then(heard, plus_one_stage(rt, NULL));
	weir_scope_init(&s, ctx);
	CHECK(weir_call_new(&s, st, &call) == 0);
	CHECK(weir_call_process(ctx, call, &(int){1}, &out, NULL) == 0 && out == 3);
	CHECK(events == 2); /* of the one that was made before */
	weir_call_free(&call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, 0, err);
}

int main(void)
{
	return weir_main(app, NULL);
}
