/* SPDX-License-Identifier: MIT
 *
 * weir_timeout_detach_stats_read: how many calls were abandoned, and what became of them. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/resilience.h>
#include <weir/weir.h>
#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))
WEIR_TYPE_PLAIN(num, int);

static int ask(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	weir_ctx deaf;
	(void)err;
	weir_ctx_init_root(&deaf, weir_ctx_rt(ctx));
	int rc = weir_sem_acquire(&deaf, arg, 1); /* whatever becomes of the caller */
	weir_ctx_fini(&deaf);
	*out = *in + 1;
	return rc;
}
WEIR_STAGE_DECLARE(ask, num, num);

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_timeout_detach_stats stats;
	weir_scope outer, s;
	weir_sem answer;
	weir_call *call = NULL;
	int in = 1, out = 0;
	(void)arg;
	weir_sem_init(&answer, weir_ctx_rt(ctx), 1);
	weir_scope_init(&outer, ctx);
	weir_stage *st =
		weir_timeout_detach(ask_stage(weir_ctx_rt(ctx), &answer),
				    &(struct weir_timeout_detach_opts){.outer = &outer, .limit_ns = WEIR_MS(20)});
	weir_stage *plain = weir_timeout(ask_stage(weir_ctx_rt(ctx), &answer), WEIR_MS(20));
	weir_scope_init(&s, ctx);
	int rc = weir_call_new(&s, st, &call);
	for (int i = 0; i < 2 && rc == 0; i++) {
		int code = weir_call_process(ctx, call, &in, &out, NULL); /* there is one answer for two questions */
		CHECK(code == WEIR_ETIMEOUT || (code == 0 && out == 2));
	}
	CHECK(weir_timeout_detach_stats_read(ctx, st, &stats) == 0);
	CHECK(stats.abandoned + stats.late_ok + stats.late_failed == stats.abandoned_all);
	CHECK(weir_timeout_detach_stats_read(ctx, plain, &stats) == WEIR_EINVAL); /* another kind of stage */
	weir_call_free(&call);
	rc = weir_scope_join(ctx, &s, rc, err);
	weir_sem_release(&answer, 1);
	rc = weir_scope_join(ctx, &outer, rc, err);
	CHECK(weir_timeout_detach_stats_read(ctx, st, &stats) == 0 && stats.abandoned == 0);
	weir_stage_free(&st);
	weir_stage_free(&plain);
	weir_sem_fini(&answer);
	return rc;
}

int main(void)
{
	return weir_main(app, NULL);
}
