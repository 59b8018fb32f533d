/* SPDX-License-Identifier: MIT
 *
 * weir_mutex_try_lock: work that somebody is doing already need not be done twice. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int refresh(weir_ctx *ctx, weir_err *err, void *arg)
{
	if (weir_mutex_try_lock(arg) == WEIR_EAGAIN)
		return weir_fail(err, WEIR_EBUSY, "somebody is at it");
	int rc = weir_ctx_err(ctx); /* stands for the work */
	weir_mutex_unlock(arg);
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_mutex busy;
	(void)err, (void)arg;
	weir_mutex_init(&busy, weir_ctx_rt(ctx));
	CHECK(weir_mutex_try_lock(&busy) == 0);
	CHECK(weir_mutex_try_lock(&busy) == WEIR_EAGAIN); /* also for the one who holds it */
	weir_scope s;
	weir_scope_init(&s, ctx);
	CHECK(weir_scope_spawn(&s, "refresh", refresh, &busy) == 0);
	CHECK(weir_scope_join(ctx, &s, 0, NULL) == WEIR_EBUSY);
	weir_mutex_unlock(&busy);
	CHECK(refresh(ctx, NULL, &busy) == 0);
	weir_mutex_fini(&busy);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
