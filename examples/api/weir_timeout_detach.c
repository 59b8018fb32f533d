/* SPDX-License-Identifier: MIT
 *
 * weir_timeout_detach: the caller leaves when the limit is over, although the child does not look at its context. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>
#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))
WEIR_TYPE_PLAIN(num, int);

/* A library that blocks, and cannot be told to stop: it waits for a semaphore, under a context that nobody ends. */
static int ask(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	weir_ctx deaf;
	(void)err;
	weir_ctx_init_root(&deaf, weir_ctx_rt(ctx));
	int rc = *in < 0 ? weir_sem_acquire(&deaf, arg, 1) : 0;
	weir_ctx_fini(&deaf);
	*out = *in + 1;
	return rc;
}
WEIR_STAGE_DECLARE(ask, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope outer, s;
	weir_sem answer;
	weir_call *call = NULL;
	int in = -1, out = 0;
	(void)arg;
	weir_sem_init(&answer, weir_ctx_rt(ctx), 0);
	weir_scope_init(&outer, ctx);
	weir_stage *st = weir_timeout_detach(ask_stage(weir_ctx_rt(ctx), &answer),
					     &(struct weir_timeout_detach_opts){.outer = &outer,
										.limit_ns = WEIR_MS(20),
										.max_abandoned = 1});
	CHECK(weir_stage_check(st, err) == 0);
	weir_scope_init(&s, ctx);
	int rc = weir_call_new(&s, st, &call);
	if (rc == 0) {
		CHECK(weir_call_process(ctx, call, &in, &out, NULL) == WEIR_ETIMEOUT);
		in = 20; /* the helper, if it has begun, is still busy with the first question */
		int next = weir_call_process(ctx, call, &in, &out, NULL);
		CHECK(next == WEIR_EOVERLOAD || (next == 0 && out == 21) || next == WEIR_ETIMEOUT);
	}
	weir_call_free(&call); /* does not wait */
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_sem_release(&answer, 1);               /* the library answers at last */
	rc = weir_scope_join(ctx, &outer, rc, err); /* waits for it */
	weir_stage_free(&st);                       /* which was in use until then */
	weir_sem_fini(&answer);
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}
